"""The README is short, and its search space is the shipped one."""

import yaml

from sweeper.search_space import parser, yaml_file
from tests.conftest import ROOT
from tests.docs.documents import README, blocks, text_of

QUICKSTART = ROOT / "search_spaces" / "quickstart.yaml"
GETTING_STARTED = ROOT / "docs" / "getting-started.md"


def test_the_readme_has_at_most_a_thousand_words() -> None:
    assert len(text_of(README).split()) <= 1000


def test_the_search_space_is_the_quickstart_without_its_defaults(tmp_path: object) -> None:
    (explained,) = blocks(README, "yaml")
    shipped = yaml.safe_load(QUICKSTART.read_text(encoding="utf-8"))
    written = yaml.safe_load(explained)
    assert written == {key: shipped[key] for key in written}
    spec = parser.parse_spec(yaml_file.load_yaml(QUICKSTART))
    left_out = {key: getattr(spec, key) for key in shipped.keys() - written.keys()}
    assert left_out == {key: _default(key) for key in left_out}


def _default(key: str) -> object:
    from sweeper.search_space.sweep_spec import SweepSpec

    return SweepSpec.model_fields[key].get_default(call_default_factory=True)


def test_the_table_is_that_of_getting_started() -> None:
    (output,) = blocks(README, "text")
    assert output in blocks(GETTING_STARTED, "text")[0]
