"""The folder of a sweep: its name comes from the identity of the sweep; files are written atomically."""

import json
import os
import re
import shutil
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sweeper.atomic_write import atomic_write
from sweeper.errors import UsageError
from sweeper.search_space import yaml_file
from sweeper.search_space.document import SourceDocument
from sweeper.search_space.parser import parse_spec
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage import new_sweep, sweep_folder, sweep_search
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.storage.sweep_manifest import EncoderSummary
from tests.support.search_spaces import small_spec

RESOLVED = {"dataset": "3f9a", "rows": "77aa", "a": "0c1d"}


def spec_of(**values: Any) -> SweepSpec:
    compare = {"encoder": ["a"], "loss": ["ce", "scl"]}
    return parse_spec(SourceDocument("space.yaml", {"dataset": "sst5", "compare": compare, **values}))


def create(sweeps: Path, spec: SweepSpec | None = None, **resolved: str) -> SweepFolder:
    return new_sweep.create_sweep(sweeps, spec or spec_of(), {**RESOLVED, **resolved}, threads=2)


def test_a_new_sweep_is_named_after_data_set_and_fingerprint(tmp_path: Path) -> None:
    made = create(tmp_path / "deep" / "sweeps")
    assert re.fullmatch(r"sst5-[0-9a-f]{8}", made.name)
    assert made.path == tmp_path / "deep" / "sweeps" / made.name
    assert made.name == f"sst5-{made.fingerprint}"
    assert made.journal.parent == made.path


def test_an_opened_folder_has_the_manifest_that_was_written(tmp_path: Path) -> None:
    spec = spec_of(search={"tau": {"log": [0.1, 1]}}, start_with=[{"loss": "scl", "tau": 1}], seed=3)
    made = create(tmp_path, spec)
    again = sweep_folder.open_sweep(made.path)
    assert again.manifest == made.manifest
    assert (again.manifest.resolved, again.manifest.threads) == (RESOLVED, 2)
    assert again.read_spec() == spec


def test_an_opened_folder_has_the_spec_of_the_first_start(tmp_path: Path) -> None:
    made = create(tmp_path, spec_of(budget={"trials": 50}, resources={"cpu": 8}))
    again = sweep_folder.open_sweep(made.path).read_spec()
    assert again == spec_of(budget={"trials": 50}, resources={"cpu": 8})


def test_different_data_gets_a_different_folder(tmp_path: Path) -> None:
    assert create(tmp_path).path != create(tmp_path, rows="88bb").path


def test_a_sweep_is_found_by_its_identity_alone(tmp_path: Path) -> None:
    made = create(tmp_path)
    create(tmp_path, spec_of(seed=1))
    found = sweep_search.find_sweep(tmp_path, spec_of(budget={"trials": 50, "hours": 1}, resources={"gpu": 1}))
    assert found is not None
    assert found.path == made.path
    assert sweep_search.find_sweep(tmp_path, spec_of(seed=2)) is None
    assert sweep_search.find_sweep(tmp_path / "nowhere", spec_of()) is None


def test_the_newest_of_several_sweeps_is_found(tmp_path: Path) -> None:
    newer, older = create(tmp_path, rows="1"), create(tmp_path, rows="2")
    set_began(older, 1_000)
    found = sweep_search.find_sweep(tmp_path, spec_of())
    assert found is not None
    assert found.path == newer.path


def set_began(folder: SweepFolder, began_at: int | None) -> None:
    """Replace the time of a sweep's first start in its manifest; with None, remove it, as in earlier versions."""
    path = folder.path / "sweep.json"
    values = {**json.loads(path.read_text()), "began_at": began_at}
    path.write_text(json.dumps({key: it for key, it in values.items() if it is not None}))


def found_name(sweeps: Path) -> str:
    found = sweep_search.find_sweep(sweeps, spec_of())
    assert found is not None
    return found.name


def test_sweeps_of_an_earlier_version_are_ordered_by_the_times_of_their_manifests(tmp_path: Path) -> None:
    newer, older = create(tmp_path, rows="1"), create(tmp_path, rows="2")
    for folder, seconds in ((newer, 2_000), (older, 1_000)):
        set_began(folder, None)
        os.utime(folder.path / "sweep.json", (seconds, seconds))
    assert found_name(tmp_path) == newer.name


@pytest.mark.parametrize("name", ["{}.bak", "{}.7", "copy-of-{}", "my-best"])
def test_a_backup_is_not_continued_in_place_of_the_sweep(name: str, tmp_path: Path) -> None:
    made = create(tmp_path)
    shutil.copytree(made.path, tmp_path / name.format(made.name), copy_function=shutil.copyfile)
    assert found_name(tmp_path) == made.name
    shutil.rmtree(made.path)
    assert found_name(tmp_path) == name.format(made.name)  # a sweep that was renamed


def test_a_backup_does_not_decide_between_a_sweep_and_a_fresh_one(tmp_path: Path) -> None:
    older, newer = create(tmp_path), create(tmp_path)
    set_began(older, None)
    os.utime(older.path / "sweep.json", (1_000, 1_000))
    shutil.copytree(older.path, tmp_path / f"{older.name}.bak", copy_function=shutil.copyfile)
    assert found_name(tmp_path) == newer.name == f"{older.name}.2"


def own_data(folder: Path, name: str, **values: Any) -> SweepSpec:
    path = folder / "a.csv"
    path.write_text("text,label\na,up\nb,down\n")
    return spec_of(dataset={"train": str(path), "name": name}, **values)


def unnamed_data(project: Path) -> SweepSpec:
    project.mkdir()
    (project / "train.csv").write_text("text,label\na,up\nb,down\n")
    return spec_of(dataset={"train": str(project / "train.csv")})


@pytest.mark.parametrize("manifest", ["this version", "an earlier version"])
def test_a_data_set_keeps_its_name_where_its_folder_is_renamed(manifest: str, tmp_path: Path) -> None:
    before, now = unnamed_data(tmp_path / "before"), unnamed_data(tmp_path / "now")
    made = create(tmp_path / "sweeps", before)
    if manifest == "an earlier version":
        values = json.loads((made.path / "sweep.json").read_text())
        (made.path / "sweep.json").write_text(json.dumps({key: it for key, it in values.items() if key != "dataset"}))
    found = sweep_search.find_sweep(tmp_path / "sweeps", now)
    assert found is not None
    named = found.named(now)
    assert (now.dataset_spec.name, named.dataset_spec.name) == ("now", "before")
    assert (named.identity, named.dataset_spec.files) == (now.identity, now.dataset_spec.files)
    found.write_spec(named)
    assert (found.read_spec(), found.read_spec().dataset_spec.name) == (now, "before")


def test_a_data_set_keeps_its_name_where_the_sweep_is_renamed_too(tmp_path: Path) -> None:
    made = create(tmp_path / "sweeps", unnamed_data(tmp_path / "before"))
    renamed = sweep_folder.open_sweep(made.path.rename(tmp_path / "sweeps" / "my-best"))
    assert renamed.named(unnamed_data(tmp_path / "now")).dataset_spec.name == "before"


def test_a_new_sweep_is_compared_with_the_newest_of_its_data_set(tmp_path: Path) -> None:
    sweeps = tmp_path / "sweeps"
    spec = own_data(tmp_path, "reviews", seed=2)
    create(sweeps, own_data(tmp_path, "reviews-de"))
    assert sweep_search.differing_keys(sweeps, spec) is None
    older = create(sweeps, own_data(tmp_path, "reviews", seed=1))
    set_began(older, 1_000)
    assert sweep_search.differing_keys(sweeps, spec) == (older.name, ["seed"])
    again = create(sweeps, own_data(tmp_path, "reviews", seed=1))  # of the same name, with .2
    assert sweep_search.differing_keys(sweeps, spec) == (again.name, ["seed"])


def test_a_key_that_only_one_of_two_sweeps_has_differs(tmp_path: Path) -> None:
    plain, started = own_data(tmp_path, "reviews"), own_data(tmp_path, "reviews", tpe={"start": "quasi_random"})
    for number, (older, newer) in enumerate([(plain, started), (started, plain)]):
        name = create(tmp_path / str(number), older).name
        assert sweep_search.differing_keys(tmp_path / str(number), newer) == (name, ["tpe"])


def test_of_commands_that_begin_a_sweep_at_the_same_moment_one_makes_it(tmp_path: Path) -> None:
    barrier = threading.Barrier(4)

    def begin(_: int) -> SweepFolder | UsageError:
        barrier.wait()
        try:
            return new_sweep.create_sweep(tmp_path, spec_of(), RESOLVED, threads=2, is_fresh=False)
        except UsageError as error:
            return error

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(begin, range(4)))
    (made,) = (answer for answer in answers if isinstance(answer, SweepFolder))
    assert sweep_folder.open_sweep(made.path).manifest == made.manifest
    assert [folder.path for folder in sweep_folder.open_sweeps(tmp_path)] == [made.path]


def test_only_folders_of_sweeps_are_listed(tmp_path: Path) -> None:
    made = {create(tmp_path).path, create(tmp_path, spec_of(seed=1)).path}
    (tmp_path / "notes").mkdir()
    (tmp_path / "mlflow.db").write_text("")
    assert {folder.path for folder in sweep_folder.open_sweeps(tmp_path)} == made


# ---- results


def test_a_sweep_is_finished_if_its_results_exist(tmp_path: Path) -> None:
    made = create(tmp_path)
    assert made.read_results() is None
    made.write_results('{"encoder": "señal"}')
    assert sweep_folder.open_sweep(made.path).read_results() == '{"encoder": "señal"}'


def test_results_are_replaced_completely(tmp_path: Path) -> None:
    made = create(tmp_path)
    made.write_results("x" * 10_000)
    made.write_results("short")
    assert made.read_results() == "short"
    names = sorted(path.name for path in made.path.iterdir())
    assert names == ["record.journal.lock", "results.json", "sweep.json", "sweep.yaml"]


@pytest.mark.parametrize("name", ["sweep.json", "results.json"])
def test_a_folder_in_the_place_of_a_file_is_one_line(name: str, tmp_path: Path) -> None:
    folder = new_sweep.create_sweep(tmp_path, small_spec(), {}, 1)
    (folder.path / name).unlink(missing_ok=True)
    (folder.path / name).mkdir()
    with pytest.raises(UsageError, match=rf"{name}: cannot be read \(Is a directory\); move "):
        sweep_folder.open_sweep(folder.path).read_results()


def test_results_that_cannot_be_written_leave_the_old_ones_intact(tmp_path: Path) -> None:
    made = create(tmp_path)
    made.write_results("first")
    with pytest.raises(UnicodeEncodeError):
        made.write_results("second \udc80")  # UTF-8 has no lone surrogates
    assert made.read_results() == "first"


# ---- folders that cannot be opened


def error_of(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        sweep_folder.open_sweep(path)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert len(message.splitlines()) == 1
    return message


def test_a_folder_that_is_not_of_a_sweep_is_a_usage_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        assert error_of(path).startswith(f"{path}: not the folder of a sweep")


def test_a_file_is_not_the_folder_of_a_sweep(tmp_path: Path) -> None:
    file = tmp_path / "sst5.yaml"
    file.write_text("dataset: sst5\n")
    assert error_of(file).startswith(f"{file}: not the folder of a sweep")


DEEP = b"[" * 100_000
NO_MAPPING = b'{"identity": [], "resolved": {}, "threads": 1}'
NO_LABELS = b'{"identity": {}, "resolved": {}, "threads": 1, "labels": null}'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"{}",
        b'{"question": {}}',
        b'{"name": 1}',
        b"\xff{}",
        DEEP,
        NO_MAPPING,
        NO_LABELS,
    ],
    ids=lambda content: repr(content[:60]),
)
def test_a_damaged_manifest_is_an_error_with_a_remedy(tmp_path: Path, content: bytes) -> None:
    made = create(tmp_path)
    (made.path / "sweep.json").write_bytes(content)
    message = error_of(made.path)
    assert message.startswith(f"{made.path / 'sweep.json'}: cannot be read")
    assert f"move {made.path} away" in message


def test_a_folder_that_a_crash_left_without_a_manifest_is_reused(tmp_path: Path) -> None:
    first = create(tmp_path / "a")
    (tmp_path / "b" / first.name).mkdir(parents=True)
    assert create(tmp_path / "b").name == first.name


@pytest.mark.parametrize("left", ["record.journal", "results.json"])
def test_a_folder_that_has_lost_its_manifest_is_refused_and_not_taken(left: str, tmp_path: Path) -> None:
    lost, spec = create(tmp_path), spec_of()
    new_sweep.require_manifest(tmp_path, spec, RESOLVED)
    (lost.path / "sweep.json").unlink()
    new_sweep.require_manifest(tmp_path, spec, RESOLVED)  # a driver was killed before it had written the manifest
    (lost.path / left).write_text("")
    with pytest.raises(UsageError, match=rf"{lost.name}/sweep\.json: is missing, and {left} is there.*--fresh"):
        new_sweep.require_manifest(tmp_path, spec, RESOLVED)
    assert create(tmp_path).name == f"{lost.name}.2"


def test_the_spec_is_the_one_last_run(tmp_path: Path) -> None:
    made = create(tmp_path)
    assert made.read_spec() == spec_of()
    grown = spec_of(budget={"trials": 60, "hours": 3}, confirm={"seeds": 2, "top": 3})
    made.write_spec(grown)
    assert sweep_folder.open_sweep(made.path).read_spec() == grown


def test_the_written_spec_is_a_search_space_that_runs_as_it_is(tmp_path: Path) -> None:
    made = create(tmp_path)
    made.write_spec(spec_of(budget={"trials": 7}))
    again = parse_spec(yaml_file.load_yaml(made.path / "sweep.yaml", ()))
    assert again == spec_of(budget={"trials": 7})
    assert again.identity == made.manifest.identity


def test_the_written_spec_has_a_line_for_each_key_of_two_levels(tmp_path: Path) -> None:
    made = create(tmp_path)
    made.write_spec(spec_of(budget={"trials": 7}, search={"tau": {"log": [0.1, 1]}}))
    lines = (made.path / "sweep.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[: len(RESOLVED)] == [f"# {name}: {pin}" for name, pin in RESOLVED.items()]
    assert "budget:" in lines
    assert "  trials: 7" in lines
    assert "search:" in lines
    assert any(line.startswith("  tau: {") for line in lines)


@pytest.mark.parametrize("text", ["a: b #.csv", '"quoted".csv', "no", "1e5", "señal \U0001f600.csv", "line\nbreak.csv"])
def test_any_text_survives_being_written_and_read(tmp_path: Path, text: str) -> None:
    made = create(tmp_path)
    written = {**spec_of().model_dump(), "dataset": {"train": text}, "compare": {"encoder": [text]}}
    written["start_with"] = [{"encoder": text}]
    spec = SweepSpec.model_validate(written)
    made.write_spec(spec)
    assert sweep_folder.open_sweep(made.path).read_spec() == spec


def test_a_new_folder_has_its_search_space_and_manifest(tmp_path: Path) -> None:
    splits = {"test": {"texts": 3, "digest": "d"}}
    encoders: Mapping[str, EncoderSummary] = {"org/model": {"licence": "mit", "parameters": 7}}
    made = new_sweep.create_sweep(tmp_path, spec_of(), {"dataset": "c0ffee"}, 2, ["a", "b"], splits, encoders=encoders)
    again = sweep_folder.open_sweep(made.path)
    assert (again.manifest, again.read_spec()) == (made.manifest, spec_of())
    assert (again.manifest.labels, again.manifest.splits) == (["a", "b"], splits)
    assert again.manifest.encoders == encoders


def test_a_manifest_without_encoders_is_that_of_an_earlier_version(tmp_path: Path) -> None:
    made = create(tmp_path)
    assert "encoders" not in json.loads((made.path / "sweep.json").read_text())
    assert sweep_folder.open_sweep(made.path).manifest.encoders == {}


def test_a_folder_whose_search_space_is_damaged_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    made = create(tmp_path)
    (made.path / "sweep.yaml").write_text("dataset: [")
    with pytest.raises(UsageError, match=r"sweep\.yaml: cannot be read .*; run the sweep's search space again"):
        _ = sweep_folder.open_sweep(made.path).read_spec()


def test_a_folder_whose_search_space_is_gone_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    made = create(tmp_path)
    (made.path / "sweep.yaml").unlink()
    with pytest.raises(UsageError) as refusal:
        _ = sweep_folder.open_sweep(made.path).read_spec()
    assert str(refusal.value) == f"{made.path / 'sweep.yaml'}: is missing; run the sweep's search space again"


def test_everybody_may_read_an_atomically_written_file(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "table.md") as file:
        file.write(b"a table")
    assert (tmp_path / "table.md").stat().st_mode & 0o777 == 0o644
