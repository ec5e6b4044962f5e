"""The JSON Schema accepts what the parser accepts, and finds the mistakes that one key alone shows."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

import sweeper as package
from sweeper.app.specs import shipped_spaces
from sweeper.search_space.document import SourceDocument
from sweeper.search_space.early_stopping import EARLY_STOPPING
from sweeper.search_space.json_schema import FIRST_LINE, SCHEMA_FILE, schema_text
from sweeper.search_space.parser import parse_spec
from sweeper.search_space.samplers import SAMPLERS
from sweeper.search_space.schema import SearchSpaceFile
from sweeper.search_space.yaml_file import dump_yaml, load_yaml
from sweeper.training.config import HYPERPARAMETERS
from sweeper.training.registry import LOSSES
from tests.conftest import ROOT
from tests.docs.documents import all_blocks, inline_code
from tests.support.search_spaces import SMALL

SPACES = sorted((ROOT / "search_spaces").glob("*.yaml"))
SEARCH_SPACES = ROOT / "docs" / "guides" / "search-spaces.md"


def is_example(code: str) -> bool:
    """Return True if a text in backticks is a key of a search space, or a hyperparameter, with its whole value."""
    key, colon, value = code.partition(": ")
    return colon != "" and "..." not in value and key in {*HYPERPARAMETERS, *SearchSpaceFile.model_fields}


def mistakes(values: Any) -> list[str]:
    """Return the places of the mistakes in a search space."""
    validator = Draft7Validator(package.search_space_schema())
    return [".".join(map(str, error.absolute_path)) for error in validator.iter_errors(values)]


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(package.search_space_schema())


def test_the_shipped_file_is_what_the_command_prints() -> None:
    remedy = f"sweeper schema --out search_spaces/{SCHEMA_FILE}"
    assert (ROOT / "search_spaces" / SCHEMA_FILE).read_text(encoding="utf-8") == schema_text(), remedy
    assert set(shipped_spaces()) == {path.stem for path in SPACES}


@pytest.mark.parametrize("path", SPACES, ids=lambda path: path.stem)
def test_a_shipped_search_space_names_the_schema_and_follows_it(path: Path) -> None:
    assert path.read_text(encoding="utf-8").splitlines()[0] == FIRST_LINE
    assert mistakes(load_yaml(path).values) == []


@pytest.mark.parametrize("block", all_blocks("yaml").values(), ids=list(all_blocks("yaml")))
def test_a_search_space_in_the_documents_follows_the_schema(block: str, tmp_path: Path) -> None:
    """A block without a data set is a part of a search space."""
    (tmp_path / "space.yaml").write_text(block, encoding="utf-8")
    assert mistakes({"dataset": "sst5", **load_yaml(tmp_path / "space.yaml").values}) == []


@pytest.mark.parametrize("line", [code for code in inline_code(SEARCH_SPACES) if is_example(code)])
def test_a_key_in_the_guide_follows_the_schema(line: str, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(line, encoding="utf-8")
    values = load_yaml(tmp_path / "space.yaml").values
    whole = {"search": values} if values.keys() <= set(HYPERPARAMETERS) else values
    assert mistakes({"dataset": "sst5", **whole}) == []


def test_every_choice_of_a_registry_is_in_it() -> None:
    schema = package.search_space_schema()
    definitions, keys = schema["definitions"], schema["properties"]
    assert keys["sampler"]["enum"] == list(SAMPLERS)
    assert list(keys["early_stopping"]["anyOf"][1]["properties"]) == list(EARLY_STOPPING)
    assert definitions["value.loss"]["enum"] == list(LOSSES)
    assert list(keys["search"]["properties"]) == list(HYPERPARAMETERS)


@pytest.mark.parametrize(
    "changes",
    [
        {"asha": "off"},
        {"early_stopping": {"asha": {"grace_epochs": 2}}, "sampler": "random"},
        {"dataset": {"train": "a.csv", "validation": "b.csv", "text": ["a", "b"]}},
        {"start_with": [{"alpha": 0.3, "batch_size": 4}], "objective": {"minimize": "validation/loss"}},
        {"dataset": "ag_news", "objective": {"maximize": "validation/f1/Sci/Tech"}},
        {"search": {"batch_size": {"int": [4, 64], "step": 4}, "alpha": {"choice": [0.1, 0.2]}}},
        {"search": {"batch_size": {"int": [4, 64], "log": True}, "tau": {"int": [1, 9], "log": False}}},
        {"compare": {**SMALL["compare"], "batch_size": {"int": [4, 5], "log": True}}, "search": {}},
        {"budget": {"trials": 9, "patience": 8}},
        {"racing": 2, "budget": {"trials": 18}},
        *({"early_stopping": {rule: "off"}} for rule in EARLY_STOPPING),
        {"asha": None, "early_stopping": {"hyperband": {"brackets": 2}}},
    ],
)
def test_what_the_parser_accepts_is_accepted(changes: dict[str, Any], tmp_path: Path) -> None:
    values = {**{key: value for key, value in SMALL.items() if key != "asha"}, **changes}
    assert mistakes(values) == []
    if "dataset" not in changes:
        (tmp_path / "sweep.yaml").write_text(
            dump_yaml(parse_spec(SourceDocument("small.yaml", values))), encoding="utf-8"
        )
        assert mistakes(load_yaml(tmp_path / "sweep.yaml").values) == []  # with every default


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"budgte": {"trials": 3}}, ""),
        ({"dataset": "sst6"}, "dataset"),
        ({"dataset": {"trian": "a.csv"}}, "dataset"),
        ({"sampler": "tpee"}, "sampler"),
        ({"search": {"alpah": 0.3}}, "search"),
        ({"search": {"alpha": {"log": [0.1]}}}, "search.alpha"),
        ({"search": {"alpha": {"log": [0.1, 0.9], "uniform": [0.1, 0.9]}}}, "search.alpha"),
        ({"search": {"alpha": {"log": True}}}, "search.alpha"),
        ({"search": {"alpha": {"uniform": [0.1, 0.9], "log": True}}}, "search.alpha"),
        ({"search": {"tau": {"int": [1, 9], "log": [1, 9]}}}, "search.tau"),
        ({"search": {"batch_size": {"int": [4, 64], "log": [4, 64]}}}, "search.batch_size"),
        ({"search": {"alpha": [0.1, 1.5]}}, "search.alpha"),
        ({"search": {"alpha": {"uniform": [0.1, 0.9], "wehn": {"loss": "lcl"}}}}, "search.alpha"),
        ({"search": {"tau": {"cases": [{"log": [0.1, 1]}]}}}, "search.tau"),
        ({"compare": {"loss": ["ce", "lcll"]}}, "compare.loss"),
        ({"compare": {"learning_rate": {"log": [1e-5, 1e-4]}}}, "compare.learning_rate"),
        ({"training": {"epochs": "three"}}, "training.epochs"),
        ({"training": {"epochs": 0}}, "training.epochs"),
        ({"training": {"seed": 3}}, "training"),
        ({"budget": {"trials": 1.5}}, "budget.trials"),
        ({"budget": {"patience": 0}}, "budget.patience"),
        ({"racing": 1}, "racing"),
        ({"objective": {"maximize": "test/accuracy"}}, "objective.maximize"),
        ({"objective": {"maximize": "validation/recall/joy"}}, "objective.maximize"),
        ({"early_stopping": {"ahsa": {}}}, "early_stopping"),
        ({"start_with": [{"alpah": 1}]}, "start_with.0"),
    ],
)
def test_a_wrong_key_or_value_is_found_in_its_place(changes: dict[str, Any], place: str) -> None:
    assert place in mistakes({**SMALL, **changes})
