"""A bundle for a cluster means the same there as here, and is refused unless it arrives unchanged."""

import json
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from sweeper.app import bundle
from sweeper.errors import UsageError
from sweeper.search_space import parser, yaml_file
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import open_sweeps
from tests.conftest import ROOT


def spec_of(path: Path) -> SweepSpec:
    return parser.parse_spec(yaml_file.load_yaml(path))


@pytest.fixture
def own(tmp_path: Path) -> SweepSpec:
    home = tmp_path / "home" / "reviews"
    home.mkdir(parents=True)
    for split in ("train", "validation", "test"):
        (home / f"{split}.csv").write_text(f"text,label\n{split} is good,1\n{split} is bad,0\n")
    (home / "encoder").mkdir()
    (home / "encoder" / "config.json").write_text("{}")
    file = home / "space.yaml"
    data = {split: str(home / f"{split}.csv") for split in ("train", "validation", "test")}
    file.write_text(
        f"dataset: {json.dumps(data)}\n"
        f"compare: {{encoder: [{home / 'encoder'}, gru], loss: [ce]}}\n"
        "search: {learning_rate: {log: [1e-5, 1e-3]}}\n"
    )
    return spec_of(file)


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    folder = tmp_path / "sent"
    folder.mkdir()
    return folder


def test_every_shipped_search_space_is_the_same_sweep_there(sent: Path) -> None:
    specs = [spec_of(path) for path in sorted((ROOT / "search_spaces").glob("*.yaml"))]
    names, files = bundle.pack(specs, sent)
    assert [spec_of(sent / file) for file in files] == specs
    assert len(set(names)) == len(specs)
    bundle.verify_bundle(sent / bundle.NOTE)


def test_the_files_that_a_sweep_names_are_sent_and_no_others(
    own: SweepSpec, sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,), (file,) = bundle.pack([own], sent)
    (tmp_path / "home").rename(tmp_path / "gone")
    monkeypatch.chdir(sent)
    there = spec_of(Path(file))
    assert there.dataset_spec.name == own.dataset_spec.name == "reviews"
    assert Path(there.dataset_spec.files["train"]).read_text() == "text,label\ntrain is good,1\ntrain is bad,0\n"
    assert [Path(encoder).name for encoder in there.encoders] == ["encoder", "gru"]
    assert (Path(there.encoders[0]) / "config.json").exists()
    assert name.startswith("reviews-")
    assert sorted(path.name for path in sent.rglob("*") if path.is_file()) == sorted(
        ["config.json", "train.csv", "validation.csv", "test.csv", file, bundle.NOTE]
    )


@pytest.mark.parametrize("shared_files", [False, True])
def test_a_link_to_a_file_keeps_its_own_name(
    own: SweepSpec, sent: Path, *, shared_files: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the cache of the hub, where train.csv is a link to a blob without a suffix."""
    train = Path(own.dataset_spec.files["train"])
    train.rename(blob := train.with_name("4f3a9c"))
    train.symlink_to(blob)
    (file,) = bundle.pack([own], sent, shared_files=shared_files)[1]
    monkeypatch.chdir(sent)
    there = Path(spec_of(Path(file)).dataset_spec.files["train"])
    assert there.name == "train.csv"
    assert shared_files == there.samefile(train)
    assert there.read_text() == train.read_text()


def test_no_file_of_the_user_can_be_imported_from_the_bundle(own: SweepSpec, sent: Path) -> None:
    """Ray puts the folder in which the bundle arrives first on the module path of the driver and of all workers."""
    for module in ("config.py", "encoder.py", "reviews.py"):
        (Path(own.encoders[0]) / module).write_text("raise SystemExit")
    bundle.pack([own], sent)
    specs = [PathFinder.find_spec(path.stem, [str(sent)]) for path in sent.iterdir()]
    assert not any(spec is not None and spec.has_location for spec in specs)
    assert [path.name for path in sent.iterdir() if path.is_dir()] == ["files"]


def test_the_files_are_kept_beside_the_sweeps_once(
    own: SweepSpec, sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray deletes the folder in which they arrive."""
    (file,) = bundle.pack([own], sent)[1]
    sweeps = tmp_path / "sweeps"
    kept = bundle.keep_files(sent / bundle.NOTE, sweeps)
    (train,) = kept.rglob("train.csv")
    copied = train.stat().st_ino
    (kept / file).write_text("an older budget")
    assert bundle.keep_files(sent / bundle.NOTE, sweeps) == kept
    assert train.stat().st_ino == copied
    sent.rename(tmp_path / "deleted")
    monkeypatch.chdir(kept)
    there = spec_of(Path(file))
    assert there.dataset_spec.files["train"] == str(train)
    assert there.identity["dataset"]["files"] == own.identity["dataset"]["files"]
    assert (Path(there.encoders[0]) / "config.json").is_file()
    assert open_sweeps(sweeps) == []


def test_kept_files_are_copied_again_where_they_are_damaged(own: SweepSpec, sent: Path, tmp_path: Path) -> None:
    bundle.pack([own], sent)
    kept = bundle.keep_files(sent / bundle.NOTE, tmp_path)
    (train,) = kept.rglob("train.csv")
    train.write_text("")
    bundle.keep_files(sent / bundle.NOTE, tmp_path)
    assert train.read_text() == "text,label\ntrain is good,1\ntrain is bad,0\n"


def test_search_spaces_without_files_stay_where_they_arrive(sent: Path, tmp_path: Path) -> None:
    bundle.pack([spec_of(ROOT / "search_spaces" / "quickstart.yaml")], sent)
    assert bundle.keep_files(sent / bundle.NOTE, tmp_path / "sweeps") == sent
    assert not (tmp_path / "sweeps").exists()


def test_a_file_that_was_altered_on_its_way_is_refused(own: SweepSpec, sent: Path) -> None:
    bundle.pack([own], sent)
    (victim,) = sent.rglob("train.csv")
    victim.write_text("text,label\n")
    with pytest.raises(
        UsageError, match=r"train\.csv: is missing on the cluster, or differs from what was sent; submit it again"
    ):
        bundle.verify_bundle(sent / bundle.NOTE)


def test_different_versions_on_the_cluster_are_one_line_with_both(own: SweepSpec, sent: Path) -> None:
    bundle.pack([own], sent)
    note = json.loads((sent / bundle.NOTE).read_text())
    note["versions"].update(Ray="2.0.0", sweeper="9.9")
    (sent / bundle.NOTE).write_text(json.dumps(note))
    here = bundle.versions()
    with pytest.raises(UsageError) as caught:
        bundle.verify_bundle(sent / bundle.NOTE)
    assert str(caught.value).startswith(
        f"the cluster has sweeper {here['sweeper']}, Ray {here['Ray']}, and you have sweeper 9.9, Ray 2.0.0; "
    )
    assert len(str(caught.value).splitlines()) == 1


def test_of_an_encoder_only_what_is_loaded_is_sent(own: SweepSpec, sent: Path) -> None:
    encoder = Path(own.encoders[0])
    needed = ["config.json", "model.safetensors", "tokenizer.json", "vocab.txt"]
    others = ["tf_model.h5", "pytorch_model.bin", "README.md", ".gitignore", ".git/config", "1_Pooling/config.json"]
    for name in (*needed, *others):
        (encoder / name).parent.mkdir(exist_ok=True)
        (encoder / name).write_text("{}")
    (encoder / ".gitignore").write_text("config.json\n")
    bundle.pack([own], sent)
    assert sorted(path.name for path in next(sent.rglob("encoder")).iterdir()) == needed
    bundle.verify_bundle(sent / bundle.NOTE)


def test_too_much_to_send_is_one_line_that_names_the_largest_file_and_the_remedy(own: SweepSpec, sent: Path) -> None:
    (Path(own.encoders[0]) / "model.safetensors").write_bytes(bytes(3_000_000))
    bundle.pack([own], sent)
    bundle.check_size(sent, limit=4_000_000)
    with pytest.raises(UsageError) as caught:
        bundle.check_size(sent, limit=2_000_000)
    assert str(caught.value).startswith("model.safetensors: has 3 MB of the 3 MB that would be sent")
    assert "takes 2 MB" in str(caught.value)
    assert "--shared-files" in str(caught.value)


def test_shared_files_stay_where_they_are_and_are_named_by_their_whole_path(
    own: SweepSpec, sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,), (file,) = bundle.pack([own], sent, shared_files=True)
    assert sorted(path.name for path in sent.iterdir()) == sorted([file, bundle.NOTE])
    monkeypatch.chdir(sent)
    there = spec_of(Path(file))
    assert there.dataset_spec.files == own.dataset_spec.files
    assert there.encoders[0] == str(tmp_path / "home" / "reviews" / "encoder")
    assert name == bundle.pack([own], tmp_path / "home")[0][0]
