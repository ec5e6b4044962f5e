"""The trainings of the papers: what is reported of fresh seeds, and the options of each part."""

from typing import Any

import pytest

from benchmarks.papers import describe_seeds, main


def result(seed: int, outcome: str, *scores: float) -> dict[str, Any]:
    return {"params": {"seed": seed}, "outcome": outcome, "scores": list(scores)}


def test_a_seed_that_did_not_complete_is_named_and_no_score() -> None:
    good = [result(100, "completed", 0.3, 0.5), result(101, "completed", 0.6, 0.52)]
    assert describe_seeds(good) == "51.0 ± 1.4"
    assert describe_seeds([*good, result(102, "collapsed", 0.2)]) == "51.0 ± 1.4 (seed 102 collapsed)"
    assert describe_seeds([good[0], result(101, "diverged")]) == "50.0 (seed 101 diverged)"
    assert describe_seeds([result(100, "diverged")]) == "– (seed 100 diverged)"


def test_one_seed_is_refused_before_any_training(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["losses", "--seeds", "1"]) == 2
    assert capsys.readouterr() == ("", "--seeds 1: must be at least 2\n")


@pytest.mark.parametrize(
    "words", [["losses", "--rows", "9"], ["grid", "--seeds", "3"], ["recurrent", "--only", "sst5"]]
)
def test_an_option_of_another_part_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
    assert "unrecognized arguments" in capsys.readouterr().err
