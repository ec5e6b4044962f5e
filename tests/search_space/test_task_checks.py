"""A data set with any number of labels in a search space: what its task refuses, and what its keys identify."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import SearchSpaceError
from sweeper.search_space import parser
from sweeper.search_space.document import SourceDocument
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.named_function import load_function
from sweeper.training.tasks import TASKS

OBJECTIVE = {"maximize": "validation/macro_f1"}


def parse(dataset: Any = "goemotions_multilabel", **keys: Any) -> SweepSpec:
    values = {"compare": {"loss": ["ce", "scl"]}, "training": {"encoder": "gru"}, "objective": OBJECTIVE}
    return parser.parse_spec(
        SourceDocument("own.yaml", {"dataset": dataset, "budget": {"trials": 4}, **values, **keys})
    )


def own(folder: Path, **keys: Any) -> dict[str, Any]:
    path = folder / "moods.jsonl"
    path.write_text('{"text": "a", "label": ["joy"]}\n')
    return {"train": str(path), **keys}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"objective": {"maximize": "validation/accuracy"}}, "objective.maximize: is no metric of task: multi_label"),
        ({"compare": {"loss": ["ce", "lcl"]}}, "compare.loss: is not for task: multi_label, got lcl, allowed: ce, scl"),
        (
            {"training": {"encoder": "gru", "class_weights": "balanced"}},
            "training.class_weights: is not for task: multi_label, got balanced, allowed: none",
        ),
        (
            {"search": {"label_smoothing": {"uniform": [0.0, 0.2]}}},
            "search.label_smoothing: is not for task: multi_label, got 0.2, allowed: 0",
        ),
        (
            {"training": {"encoder": "gru", "texts_per_class": 2}},
            "training.texts_per_class: is not for task: multi_label, got 2, allowed: 1",
        ),
    ],
)
def test_what_has_no_meaning_for_label_sets_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(SearchSpaceError) as caught:
        parse(**keys)
    assert message in str(caught.value)


def test_a_metric_of_label_sets_is_refused_where_each_text_has_one_label() -> None:
    with pytest.raises(SearchSpaceError, match="is no metric of task: single_label, got validation/micro_f1"):
        parse("goemotions", objective={"maximize": "validation/micro_f1"})


@pytest.mark.parametrize("dataset", ["goemotions", "goemotions_multilabel"])
@pytest.mark.parametrize(
    ("direction", "metrics"),
    [("maximize", ["accuracy", "mcc", "micro_f1"]), ("minimize", ["brier"])],
)
def test_each_metric_that_a_refusal_names_is_accepted_in_that_direction(
    dataset: str, direction: str, metrics: list[str]
) -> None:
    for metric in metrics:
        try:
            parse(dataset, objective={direction: f"validation/{metric}"})
        except SearchSpaceError as error:
            names = str(error).partition("allowed: ")[2].split(", ")
            assert ("validation/f1/CLASS" in names) == (direction == "maximize")
            scales = ("validation/qwk", "validation/mae")  # these need an order of the classes
            for name in names:
                if name not in scales:
                    parse(dataset, objective={direction: name.replace("CLASS", "joy")})


def test_keys_about_labels_must_fit_the_task(tmp_path: Path) -> None:
    with pytest.raises(SearchSpaceError, match=r"dataset.label_separator: is for task: multi_label"):
        parse(own(tmp_path, label_separator=","))
    with pytest.raises(SearchSpaceError, match=r"dataset.label_order: is for task: single_label"):
        parse(own(tmp_path, task="multi_label", label_order=["a", "b"]))


def test_the_task_is_part_of_a_sweeps_identity_and_the_default_is_none(tmp_path: Path) -> None:
    plain = parse(own(tmp_path))
    assert "task" not in plain.identity["dataset"]
    assert parse(own(tmp_path, task="single_label")).identity == plain.identity
    assert parse(own(tmp_path, task="multi_label")).identity != plain.identity


def test_every_task_names_functions_that_exist() -> None:
    for task in TASKS.values():
        for name in filter(None, (task.cross_entropy, task.probabilities, task.metrics, task.thresholds)):
            assert callable(load_function(name))
