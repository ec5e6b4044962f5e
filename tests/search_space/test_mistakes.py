"""Every mistake that a search space can have is one line with file, line, key, value, rule and nearest name."""

from pathlib import Path

import pytest

from tests.support.mistakes import (
    Mistake,
    cases,
    check_message,
    search,
    top,
)

MISTAKES: dict[str, Mistake] = {
    # unknown keys, at each level
    "unknown key": (top("serch: {}  # <-"), "serch", "unknown key", "allowed: dataset", "did you mean search?"),
    "unknown key of budget": (
        top("budget:", "  trails: 3  # <-"),
        "budget.trails",
        "unknown key",
        "hours",
        "did you mean trials?",
    ),
    "unknown key of objective": (
        top("objective: {maximise: validation/accuracy}  # <-"),
        "objective.maximise",
        "did you mean maximize?",
    ),
    "unknown key of asha": (top("asha: {grace: 3}  # <-"), "asha.grace", "did you mean grace_epochs?"),
    "unknown key of resources": (top("resources: {gpus: 1}  # <-"), "resources.gpus", "did you mean gpu?"),
    "unknown key of confirm": (top("confirm: {seed: 3}  # <-"), "confirm.seed", "unknown key", "did you mean seeds?"),
    "unknown key of tracking": (top("tracking: {system: true}  # <-"), "tracking.system", "system_metrics"),
    "seeds below none": (top("confirm: {seeds: -1}  # <-"), "confirm.seeds", "greater than or equal to 0", "got -1"),
    "unknown key of limit": (top("limit: {test: 5}  # <-"), "limit.test", "unknown key", "train, validation"),
    "unknown hyperparameter searched": (
        search("learning_rat: [1e-5]  # <-"),
        "search.learning_rat",
        "mean learning_rate?",
    ),
    "unknown hyperparameter compared": (
        "dataset: sst5\ncompare: {encoder: a, los: [ce]}  # <-",
        "compare.los",
        "unknown hyperparameter",
        "did you mean loss?",
    ),
    "unknown hyperparameter fixed": (top("training: {epoch: 3}  # <-"), "training.epoch", "did you mean epochs?"),
    "unknown form": (search("tau: {lgo: [1, 2]}  # <-"), "search.tau.lgo", "uniform", "did you mean log?"),
    "unknown key in a case": (
        cases("{log: [1, 2], when: {loss: scl}}", "{log: [3, 4], when: {loss: lcl}, stp: 1}  # <-"),
        "search.tau.cases[2].stp",
        "unknown key",
        "did you mean step?",
    ),
    "a range beside cases": (
        search("tau: {cases: [{log: [1, 2], when: {loss: scl}}], log: [1, 2]}  # <-"),
        "search.tau.log",
        "unknown key",
        "allowed: cases",
    ),
    # wrong types
    "words for a number": (top("budget: {trials: many}  # <-"), "budget.trials", "integer", "got many"),
    "a number for a mapping": (top("budget: 20  # <-"), "budget", "mapping", "got 20"),
    "nothing for a mapping": (top("budget:  # <-"), "budget", "mapping", "got nothing"),
    "a list for a mapping": (top("search: [tau]  # <-"), "search", "mapping", "got [tau]"),
    "a mapping for a list": (top("start_with: {tau: 1}  # <-"), "start_with", "list", "got {tau: 1}"),
    "a number in start_with": (
        top("start_with:", "  - {loss: ce}", "  - 5  # <-"),
        "start_with[2]",
        "mapping",
        "got 5",
    ),
    "true for a number": (top("seed: true  # <-"), "seed", "integer", "got true"),
    "a seed below 0": (top("seed: -1  # <-"), "seed", "0", "got -1"),
    "yes for a share": (top("resources: {gpu: yes}  # <-"), "resources.gpu", "number", "got yes"),
    "a word for a share": (top("resources: {gpu: half}  # <-"), "resources.gpu", "number, or auto", "got half"),
    "a share below 0": (top("resources: {gpu: -1}  # <-"), "resources.gpu", "0", "got -1"),
    "a share that spans GPUs": (top("resources: {gpu: 1.5}  # <-"), "resources.gpu", "fraction of one GPU", "got 1.5"),
    "no CPUs": (top("resources: {cpu: 0}  # <-"), "resources.cpu", "1", "got 0"),
    "no hours": (top("budget: {hours: 0}  # <-"), "budget.hours", "greater than 0", "got 0"),
    "endless hours": (top("budget: {hours: .inf}  # <-"), "budget.hours", "finite", "got inf"),
    "no epochs": (top("budget: {epochs: 0}  # <-"), "budget.epochs", "greater than or equal to 1", "got 0"),
    "a cost without a price": (
        top("budget: {cost: {usd: 50}}  # <-"),
        "budget.cost.per_gpu_hour",
        "is missing; budget.cost needs this key",
    ),
    "an unknown key of cost": (
        top("budget: {cost: {usd: 50, per_gpu_hour: 2, euro: 1}}  # <-"),
        "budget.cost.euro",
        "unknown key",
        "per_gpu_hour",
    ),
    "a number for cost": (top("budget: {cost: 50}  # <-"), "budget.cost", "mapping", "got 50"),
    "a cost without a GPU": (
        top("budget: {cost: {usd: 50, per_gpu_hour: 2}}  # <-"),
        "budget.cost",
        "resources.gpu: 0",
        "set resources.gpu",
    ),
    "GPU hours without a GPU": (top("budget: {gpu_hours: 5}  # <-"), "budget.gpu_hours", "resources.gpu: 0"),
    "a word for patience": (top("budget: {patience: much}  # <-"), "budget.patience", "mapping", "got much"),
    "half a trial of patience": (top("budget: {patience: 2.5}  # <-"), "budget.patience.trials", "integer", "got 2.5"),
    "no patience": (top("budget: {patience: 0}  # <-"), "budget.patience.trials", "greater than or equal", "got 0"),
    "a word for stop_at": (
        top("objective: {maximize: validation/accuracy, stop_at: good}  # <-"),
        "objective.stop_at",
        "number",
        "got good",
    ),
    "unknown sampler": (
        top("sampler: bayes  # <-"),
        "sampler",
        "unknown sampler",
        "got bayes",
        "allowed: tpe, random, grid, cmaes, gp, qmc",
    ),
    "asha on": (top("asha: on  # <-"), "asha", "off", "reduction_factor: 3", "got on"),
    "asha false": (top("asha: false  # <-"), "asha", "off", "got false"),
    "a word for the grace": (top("asha:", "  grace_epochs: zero  # <-"), "asha.grace_epochs", "number", "got zero"),
    "a list under training": (top("training: {epochs: [1, 2]}  # <-"), "training.epochs", "integer", "got [1, 2]"),
    "a word under training": (top("training: {precision: fp8}  # <-"), "training.precision", "bf16", "got fp8"),
    # hyperparameters in the wrong place
    "compared and searched": (search("loss: [ce]  # <-"), "search.loss", "under compare too"),
    "searched and fixed": (
        search("epochs: [1, 2]  # <-", then="training: {epochs: 3}\n"),
        "search.epochs",
        "under training too",
    ),
    "compared and fixed": (
        "dataset: sst5\ncompare: {encoder: a, epochs: [1, 2]}  # <-\ntraining: {epochs: 3}",
        "compare.epochs",
        "under training too",
    ),
    "the seed as a hyperparameter": (search("seed: [1, 2]  # <-"), "search.seed", "set by sweeper", "top-level `seed`"),
    "the seed fixed": (top("training: {seed: 3}  # <-"), "training.seed", "set by sweeper"),
    "threads as a hyperparameter": (search("threads: [1, 2]  # <-"), "search.threads", "set by sweeper", "resources"),
    "validations searched": (
        search("validations_per_epoch: [1, 2]  # <-"),
        "search.validations_per_epoch",
        "cannot vary",
        "under training",
    ),
    "a compared range": (
        "dataset: sst5\ncompare:\n  encoder: a\n  dropout: {uniform: [0, 0.5]}  # <-",
        "compare.dropout",
        "list of values",
        "got 0 to 0.5",
        "search",
    ),
    "compared under a searched one": (
        "dataset: sst5\ncompare:\n  encoder: a\n  epochs: {value: 1, when: {batch_size: 4}}  # <-\n"
        "search: {batch_size: [4, 8]}",
        "compare.epochs",
        "searched",
        "got batch_size",
        "move batch_size to compare",
    ),
    "no encoder": ("dataset: sst5\ncompare: {loss: [ce]}  # <-", "compare", "encoder", "google/electra-base"),
    "nothing but a data set": ("dataset: sst5  # <-", "compare", "needs an encoder"),
    # the whole
    "no data set": ("compare: {encoder: a}  # <-", "dataset", "missing"),
    "unknown data set": (
        "dataset: sst  # <-\ncompare: {encoder: a}",
        "dataset",
        "got sst",
        "allowed: ",
        "did you mean sst5?",
    ),
    "too small a budget": (top("budget: {trials: 5}  # <-"), "budget.trials", "at least 6", "6 systems", "got 5"),
    "an endless grid": (search("tau: {log: [1, 2]}  # <-", then="sampler: grid\n"), "search.tau", "grid", "a step"),
    "the test split chooses": (
        top("objective: {maximize: test/accuracy}  # <-"),
        "objective.maximize",
        "validation/macro_f1",
        "test split chooses nothing",
        "got test/accuracy",
    ),
    "a loss maximized": (top("objective: {maximize: validation/loss}  # <-"), "objective.maximize", "got validation"),
    "both ways": (
        top("objective: {maximize: validation/accuracy, minimize: validation/loss}  # <-"),
        "objective",
        "exactly one of maximize and minimize",
    ),
    "neither way": (top("objective: {}  # <-"), "objective", "exactly one of maximize and minimize"),
    "half a validation": (top("asha: {grace_epochs: 0.5}  # <-"), "asha.grace_epochs", "1 per epoch", "got 0.5"),
    "one and a half validations": (
        top("training: {validations_per_epoch: 3}", "asha: {grace_epochs: 0.5}  # <-"),
        "asha.grace_epochs",
        "whole validations",
        "3 per epoch",
        "got 0.5",
    ),
}


@pytest.mark.parametrize(("text", "key", "says"), [(t, k, s) for t, k, *s in MISTAKES.values()], ids=MISTAKES)
def test_a_mistake_is_reported_with_place_key_value_and_remedy(
    tmp_path: Path, text: str, key: str, says: list[str]
) -> None:
    check_message(tmp_path, text, key, says)
