"""The README is short, and its search space is the shipped one."""

from pathlib import Path

import yaml

from sweeper.app.specs import load_spec
from tests.conftest import ROOT
from tests.docs.documents import README, blocks, text_of

QUICKSTART = ROOT / "search_spaces" / "quickstart.yaml"
GETTING_STARTED = ROOT / "docs" / "getting-started.md"


def test_the_readme_has_at_most_a_thousand_words() -> None:
    assert len(text_of(README).split()) <= 1000


def test_the_search_space_is_the_quickstart_without_its_defaults(tmp_path: Path) -> None:
    (explained,) = blocks(README, "yaml")
    shipped = yaml.safe_load(QUICKSTART.read_text(encoding="utf-8"))
    written = yaml.safe_load(explained)
    assert written == {key: shipped[key] for key in written}
    (tmp_path / "space.yaml").write_text(explained, encoding="utf-8")
    assert load_spec(tmp_path / "space.yaml") == load_spec(QUICKSTART)


def test_the_table_is_that_of_getting_started() -> None:
    (output,) = blocks(README, "text")
    assert output in blocks(GETTING_STARTED, "text")[0]
