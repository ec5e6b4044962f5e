"""The arms train on the rows that were asked for."""

from pathlib import Path

import numpy as np

from benchmarks.speed.inputs import load_spec, random_rows, take_rows
from benchmarks.speed.settings import Settings
from benchmarks.speed.step_clock import StepClock
from sweeper.training.types import TokenizedSplit


def test_taken_rows_keep_their_tokens() -> None:
    split = TokenizedSplit(
        np.arange(9, dtype=np.int32), np.array([0, 2, 5, 9]), np.array([2, 3, 40], np.int32), np.array([0, 1, 2]),
        token_types=np.arange(9, dtype=np.int8),
    )  # fmt: skip
    taken = take_rows(split, np.array([2, 0]))
    assert taken.tokens.tolist() == [5, 6, 7, 8, 0, 1]
    assert taken.starts.tolist() == [0, 4, 6]
    assert (taken.lengths.tolist(), taken.labels.tolist()) == ([40, 2], [2, 0])
    assert taken.token_types is not None
    assert taken.token_types.tolist() == taken.tokens.tolist()


def test_rows_differ_by_seed_and_never_repeat() -> None:
    first, second = (random_rows(100, 20, seed).tolist() for seed in (0, 1))
    assert first != second
    assert len(set(first)) == 20
    assert len(random_rows(5, 20, 0)) == 5


def test_the_data_set_may_be_named_or_described_in_a_search_space(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "dataset: feelings\nsearch: {tau: [1, 2]}\ncompare: {encoder: [gru], loss: [lcl]}\n", encoding="utf-8"
    )
    for data in ("feelings", str(file)):
        spec = load_spec(Settings(data=data, encoder="rnn", max_length=32))
        assert (spec.dataset_spec.name, spec.encoders, spec.max_tokens) == ("feelings", ("rnn",), 32)


def test_the_first_step_is_left_out_of_the_speed() -> None:
    clock = StepClock()
    clock.ends, clock.processor = [5.0, 6.0, 7.0], [0.0, 0.5, 1.0]
    measurement = clock.texts_per_second(8)
    assert measurement.value == 8
    assert measurement.parts == {"ms a step": 1000, "processor ms a step": 500}
