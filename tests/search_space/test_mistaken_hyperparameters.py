"""Mistakes in ranges, lists, conditions and start_with are one line each, as all mistakes in a search space are."""

from pathlib import Path

import pytest

from tests.support.mistakes import (
    TAU,
    Mistake,
    cases,
    check_message,
    search,
    start,
)

MISTAKES: dict[str, Mistake] = {
    # ranges
    "an empty range": (search("tau: {log: [2, 1]}  # <-"), "search.tau.log", "low <= high", "got [2, 1]"),
    "log beside a real range": (
        search("tau: {uniform: [1, 2], log: true}  # <-"),
        "search.tau.log",
        "goes with int, got uniform",
        "{log: [low",
    ),
    "a word for log": (search("epochs: {int: [1, 9], log: 10}  # <-"), "search.epochs.log", "true or false", "got 10"),
    "log with a step": (
        search("epochs: {int: [1, 9], log: true, step: 2}  # <-"),
        "search.epochs.log",
        "a step",
        "got step: 2",
    ),
    "log and an integer range": (
        search("epochs: {int: [1, 9], log: [1, 9]}  # <-"),
        "search.epochs",
        "exactly one",
        "log and int",
    ),
    "a log range of whole numbers from 0": (
        search("contrastive_epochs: {int: [0, 9], log: true}  # <-"),
        "search.contrastive_epochs.int",
        "got [0, 9]",
    ),
    "a bound of nan": (search("tau: {uniform: [.nan, 1]}  # <-"), "search.tau.uniform", "finite", "got [nan, 1]"),
    "an infinite bound": (search("tau: {uniform: [1, .inf]}  # <-"), "search.tau.uniform", "finite", "got [1, inf]"),
    "a log range from 0": (search("tau: {log: [0, 1]}  # <-"), "search.tau.log", "above 0", "got [0, 1]"),
    "a log range below 0": (search("tau: {log: [-1, 1]}  # <-"), "search.tau.log", "above 0", "got [-1, 1]"),
    "one bound": (search("tau: {log: [1]}  # <-"), "search.tau.log", "[low, high]", "got [1]"),
    "a word for a bound": (search("tau: {log: [1, high]}  # <-"), "search.tau.log", "two numbers", "got [1, high]"),
    "true for a bound": (search("tau: {log: [true, 2]}  # <-"), "search.tau.log", "two numbers", "got [true, 2]"),
    "a bound outside the hyperparameter's": (
        search("alpha: {uniform: [0, 2]}  # <-"),
        "search.alpha.uniform",
        "to 1",
        "got 2",
    ),
    "two ranges": (search("tau: {uniform: [1, 2], log: [1, 2]}  # <-"), "search.tau", "exactly one", "uniform and log"),
    "no range": (search("tau: {when: {loss: scl}}  # <-"), "search.tau", "exactly one", "got none"),
    "fractions for a whole number": (
        search("epochs: {uniform: [1, 9]}  # <-"),
        "search.epochs.uniform",
        "{int: [low, high]}",
        "got uniform",
    ),
    "a fraction as a whole bound": (search("epochs: {int: [1.5, 9]}  # <-"), "search.epochs.int", "integer", "got 1.5"),
    "fractions as bounds of int": (search("tau: {int: [1, 2.5]}  # <-"), "search.tau.int", "whole numbers", "[1, 2.5]"),
    "a range of words": (search("loss: {int: [0, 1]}  # <-"), "search.loss.int", "'lcl' or 'lcl_inside'", "got 0"),
    "a step that does not divide": (
        search("tau:", "  uniform: [1, 2]", "  step: 0.3  # <-"),
        "search.tau.step",
        "divide",
        "1 to 2",
        "got 0.3",
    ),
    "a step that does not divide whole": (
        search("batch_size: {int: [4, 9], step: 2}  # <-"),
        "search.batch_size.step",
        "divide",
        "4 to 9",
        "got 2",
    ),
    "a step on log": (search("tau: {log: [1, 2], step: 1}  # <-"), "search.tau.step", "uniform and int", "got log"),
    "a step of 0": (search("tau: {uniform: [1, 2], step: 0}  # <-"), "search.tau.step", "above 0", "got 0"),
    "half a step": (search("epochs: {int: [1, 2], step: 0.5}  # <-"), "search.epochs.step", "whole number", "got 0.5"),
    # lists
    "a value outside the hyperparameter's": (search("epochs: [0, 4]  # <-"), "search.epochs[1]", "equal to 1", "got 0"),
    "a value of another type": (
        search("epochs:", "  - 3", "  - four  # <-"),
        "search.epochs[2]",
        "integer",
        "got four",
    ),
    "a word that is none of a hyperparameter's": (
        "dataset: sst5\ncompare: {encoder: a, loss: [ce, cel]}  # <-",
        "compare.loss[2]",
        "'lcl' or 'lcl_inside'",
        "got cel",
    ),
    "a value twice": (search("batch_size: [4, 8, 4]  # <-"), "search.batch_size[3]", "lists 4 twice"),
    "a value twice, spelt differently": (search("tau: [1, 1.0]  # <-"), "search.tau[2]", "lists 1.0 twice"),
    "no values": (search("batch_size: []  # <-"), "search.batch_size", "at least one", "got []"),
    "no value": (search("batch_size:  # <-"), "search.batch_size", "integer", "got nothing"),
    "not a number": (search("tau: .nan  # <-"), "search.tau", "finite", "got nan"),
    "a choice that is no list": (search("tau: {choice: 1}  # <-"), "search.tau.choice", "list", "got 1"),
    # conditions
    "when on an unknown hyperparameter": (
        search("normalize: [true]", "tau: {value: 1, when: {normalise: true}}  # <-"),
        "search.tau.when.normalise",
        "unknown hyperparameter",
        "encoder, loss",
        "did you mean normalize?",
    ),
    "when in a circle": (
        search("dropout: {value: 0.1, when: {epochs: 1}}  # <-", "epochs: {value: 1, when: {dropout: 0.1}}"),
        "search.dropout",
        "circle",
        "dropout, epochs",
    ),
    "when on itself": (search("epochs: {value: 1, when: {epochs: 1}}  # <-"), "search.epochs", "circle", "epochs"),
    "when on a value that is not listed": (
        search("normalize: [true]", "tau: {value: 1, when: {normalize: false}}  # <-"),
        "search.tau.when.normalize",
        "never meet false",
        "allowed: true",
    ),
    "when on a word that is not listed": (
        search("tau: {value: 1, when: {loss: [scl, sce]}}  # <-"),
        "search.tau.when.loss",
        "never meet sce",
        "allowed: ce, scl, lcl",
    ),
    "when on another fixed value": (
        search("tau: {value: 1, when: {epochs: 4}}  # <-", then="training: {epochs: 3}\n"),
        "search.tau.when.epochs",
        "never meet 4",
        "allowed: 3",
    ),
    "when on one value of a range": (
        search("dropout: {uniform: [0, 0.5]}", "tau: {value: 1, when: {dropout: 0.1}}  # <-"),
        "search.tau.when.dropout",
        "never meet 0.1",
        "0 to 0.5",
    ),
    "conditions that exclude each other": (
        search("epochs: {value: 1, when: {loss: scl}}", "tau: {value: 1, when: {loss: lcl, epochs: 1}}  # <-"),
        "search.tau",
        "never be active",
    ),
    "a list for when": (search("tau: {value: 1, when: [loss]}  # <-"), "search.tau.when", "mapping", "got [loss]"),
    "nothing for when": (search("tau: {value: 1, when: }  # <-"), "search.tau.when", "mapping", "got nothing"),
    "when with no values": (search("tau: {value: 1, when: {loss: []}}  # <-"), "search.tau.when.loss", "got []"),
    "cases that overlap": (
        cases("{log: [1, 2], when: {loss: scl}}", "{log: [3, 4], when: {loss: [scl, lcl]}}  # <-"),
        "search.tau.cases[2]",
        "together with case 1",
    ),
    "a case without when": (
        cases("{log: [1, 2], when: {loss: scl}}", "{log: [3, 4]}  # <-"),
        "search.tau.cases[2]",
        "needs a `when`",
    ),
    "no cases": (search("tau: {cases: []}  # <-"), "search.tau.cases", "list", "got []"),
    # what to start with
    "start outside the space": (
        start("{batch_size: 9}", "batch_size: [4, 8]"),
        "start_with[2].batch_size",
        "got 9",
        "allowed: 4, 8",
    ),
    "start outside a range": (
        start("{loss: scl, tau: 5}", "batch_size: [4]", "tau: {log: [1, 2]}"),
        "start_with[2].tau",
        "got 5",
        "allowed: 1 to 2 (log)",
    ),
    "start with another fixed value": (
        start("{epochs: 4}", "batch_size: [4]") + "training: {epochs: 3}",
        "start_with[2].epochs",
        "got 4",
        "fixed: 3",
    ),
    "start with an unknown hyperparameter": (
        start("{tua: 1}", "batch_size: [4]", "tau: [1]"),
        "start_with[2].tua",
        "unknown hyperparameter",
        "did you mean tau?",
    ),
    "start with a hyperparameter that ce does not use": (
        start("{loss: ce, tau: 1}", "batch_size: [4]", "tau: [1]"),
        "start_with[2].tau",
        "inactive",
        "got 1",
    ),
    "start with an inactive hyperparameter": (
        start("{normalize: false, loss: scl, tau: 1}", "batch_size: [4]", "normalize: [true, false]", TAU),
        "start_with[2].tau",
        "inactive",
        "got 1",
    ),
    "start with a hyperparameter whose parent is open": (
        start("{loss: scl, tau: 1}", "batch_size: [4]", "normalize: [true, false]", TAU),
        "start_with[2].tau",
        "got 1",
        "set normalize too",
    ),
}


@pytest.mark.parametrize(("text", "key", "says"), [(t, k, s) for t, k, *s in MISTAKES.values()], ids=MISTAKES)
def test_a_mistake_in_a_hyperparameter_is_reported_with_place_key_value_and_remedy(
    tmp_path: Path, text: str, key: str, says: list[str]
) -> None:
    check_message(tmp_path, text, key, says)
