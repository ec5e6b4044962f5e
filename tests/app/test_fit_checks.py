"""A search space that does not fit its data, encoders or machine is refused before any trial, with line and remedy."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest

from sweeper.app.fit_checks import (
    require_defined_objective,
    require_enough_batches,
    require_fitting_classifier,
    require_fitting_layers,
    require_fitting_length,
    require_gpu_for_fp16,
)
from sweeper.app.prepare_data import prepare_sweep
from sweeper.errors import UsageError
from sweeper.search_space import parser, yaml_file
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal.output import PlainOutput
from tests.support import tiny_training
from tests.support.search_spaces import small_spec


def message(check: Callable[[], object]) -> str:
    with pytest.raises(UsageError) as caught:
        check()
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ("sizes", "largest"),
    [([4, 8, 24], 24), ({"int": [8, 24]}, 24), ({"int": [8, 24], "step": 8}, 24), ([4, 8], 8)],
)
def test_every_batch_size_of_the_space_must_have_enough_batches(sizes: Any, largest: int) -> None:
    spec = small_spec(search={"batch_size": sizes}, training={"validations_per_epoch": 4})
    require_enough_batches(spec, 3 * largest + 1)
    says = (
        f"training.validations_per_epoch: an epoch of {3 * largest} texts has 3 batches at batch_size {largest}, got 4"
    )
    assert says in message(lambda: require_enough_batches(spec, 3 * largest))


def test_more_layers_than_an_encoder_has_are_refused_where_they_are_asked_for() -> None:
    spec = small_spec(compare={"encoder": ["tiny"], "loss": ["ce"]}, search={"reinit_layers": [1, 3]})
    says = message(lambda: require_fitting_layers(spec, tiny_training.encoder()))
    assert says == "small.yaml:1: search.reinit_layers: tiny has 2 layers, got 3; use at most 2"


TEXTS = {"very negative": 3, "neutral": 0, "positive": 5}


@pytest.mark.parametrize(
    ("metric", "rule"),
    [
        ("f1/negative", "names no class of the data set, got negative, allowed: very negative, neutral, positive"),
        ("f1/neutral", "is undefined, because validation has no text of neutral; use another objective"),
        ("auroc", "is undefined, because validation has no text of neutral; use another objective"),
    ],
)
def test_an_objective_of_a_class_needs_its_texts_in_validation(metric: str, rule: str) -> None:
    require_defined_objective(small_spec(objective={"maximize": "validation/f1/positive"}), TEXTS)
    spec = small_spec(objective={"maximize": f"validation/{metric}"})
    assert f"objective.maximize: {rule}" in message(lambda: require_defined_objective(spec, TEXTS))


ROWS = [{"text": f"film {k}", "label": k % 2} for k in range(24)]
FILES: dict[str, Callable[[Path], object]] = {
    "train.jsonl": lambda path: path.write_text("\n".join(map(json.dumps, ROWS))),
    "train.json": lambda path: path.write_text(json.dumps(ROWS)),
    "train.csv": lambda path: pandas.DataFrame(ROWS).to_csv(path, index=False),
    "train.tsv.gz": lambda path: pandas.DataFrame(ROWS).to_csv(path, index=False, sep="\t"),
    "train.parquet": lambda path: pandas.DataFrame(ROWS).to_parquet(path),
}


@pytest.mark.parametrize("name", FILES)
def test_batches_are_counted_before_the_rows_of_a_file_are_read(name: str, tmp_path: Path) -> None:
    FILES[name](tmp_path / name)
    space = {"dataset": {"train": str(tmp_path / name)}, "search": {"batch_size": {"int": [2, 8]}}}
    line = message(lambda: small_spec(**space, training={"validations_per_epoch": 5}))
    assert re.search(r"an epoch of 24 texts has 3 batches at batch_size 8, got 5; ask for fewer", line)
    assert small_spec(**space, training={"validations_per_epoch": 3}).validations_per_epoch == 3


@pytest.mark.parametrize(
    ("changes", "texts"), [({"limit": {"train": 60}}, "60"), ({}, "8,544"), ({"limit": {"train": 9_000}}, "8,544")]
)
def test_batches_are_counted_from_the_limit_and_the_size_in_the_catalog(changes: Any, texts: str) -> None:
    space = {"dataset": "sst5", "search": {"batch_size": [16, 32]}, **changes}
    line = message(lambda: small_spec(**space, training={"validations_per_epoch": 500}))
    assert f"an epoch of {texts} texts has" in line


def test_a_short_encoder_is_refused_before_the_data_and_the_weights_are_there(tmp_path: Path) -> None:
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    (encoder / "config.json").write_text('{"model_type": "bert", "max_position_embeddings": 65}')
    changes = {"dataset": {"hub": "no/such"}, "compare": {"encoder": [str(encoder)], "loss": ["ce"]}}
    spec = small_spec(**changes, training={"max_length": 65})
    (encoder / "config.json").write_text('{"model_type": "bert", "max_position_embeddings": 64}')
    line = message(lambda: prepare_sweep(PlainOutput(progress=False), spec, None))
    assert f"{encoder} takes 64 tokens at most, got 65" in line


def test_the_line_of_the_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text("dataset: sst5\ncompare: {encoder: [gru]}\ntraining:\n  epochs: 1\n  validations_per_epoch: 9\n")
    spec = parser.parse_spec(yaml_file.load_yaml(file))
    assert message(lambda: require_enough_batches(spec, 32)).startswith(f"{file}:5: training.validations_per_epoch: ")
    spec = parser.parse_spec(yaml_file.load_yaml(file, ["training.max_length=99"]))
    says = "--set training.max_length=99: training.max_length: my/enc takes 64 tokens at most, got 99"
    assert message(lambda: require_fitting_length(spec, "my/enc", 64)).startswith(says)


def test_only_classifiers_that_a_trial_can_have_must_fit_memory() -> None:
    pytest.importorskip("torch")
    from sweeper.training.types import EncoderWeights

    wide, narrow = (EncoderWeights(name, {}, {}, 0, width) for name, width in (("o/wide", 768), ("o/narrow", 16)))
    search: dict[str, Any] = {
        "max_length": [16, 512],
        "pooling": {
            "cases": [{"value": "flatten", "when": {"max_length": 16}}, {"value": "cls", "when": {"max_length": 512}}]
        },
    }
    compare = {"encoder": ["o/wide", "o/narrow"], "loss": ["ce"]}
    require_fitting_classifier(small_spec(compare=compare, search=search, training={"classifier": "linear"}), wide, 5)
    long = {
        "max_length": {
            "cases": [{"value": 16, "when": {"encoder": "o/wide"}}, {"value": 512, "when": {"encoder": "o/narrow"}}]
        }
    }
    spec = small_spec(compare=compare, search=long, training={"classifier": "linear", "pooling": "flatten"})
    require_fitting_classifier(spec, wide, 5000)
    assert "73,728,000 weights" in message(lambda: require_fitting_classifier(spec, narrow, 9000))


def fp16_spec() -> SweepSpec:
    return small_spec(training={"precision": "fp16"}, resources={"gpu": 1})


def test_fp16_on_a_machine_without_a_gpu_is_refused() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.device_count():
        pytest.skip("this machine has a GPU")
    assert "this machine has none" in message(lambda: require_gpu_for_fp16(fp16_spec(), is_remote=False))
    require_gpu_for_fp16(fp16_spec(), is_remote=True)
    require_gpu_for_fp16(small_spec(), is_remote=False)
