"""Every mistake that a search space can have is one line with file, line, key, value, rule and nearest name.

The line of a mistake is marked `# <-` in the file itself. A mistake without a mark is reported at the first line.
"""

from pathlib import Path

import pytest

from sweeper.errors import UsageError
from sweeper.search_space import parser, yaml_file

HEAD = "dataset: sst5\ncompare: {encoder: [a, b], loss: [ce, scl, lcl]}\n"
TAU = "tau: {log: [1, 2], when: {normalize: true}}"


def top(*lines: str) -> str:
    """Return a space with these lines at its end."""
    return HEAD + "\n".join(lines) + "\n"


def search(*lines: str, then: str = "") -> str:
    """Return a space with these lines under `search`, and other lines after them."""
    return HEAD + "search:\n" + "".join(f"  {line}\n" for line in lines) + then


def cases(*lines: str) -> str:
    """Return a space in which tau has these cases."""
    return search("tau:", "  cases:", *(f"    - {line}" for line in lines))


def start(entry: str, *hyperparameters: str) -> str:
    """Return a space with these hyperparameters whose second entry of start_with is `entry`."""
    return search(*hyperparameters, then=f"start_with:\n  - {{loss: scl, batch_size: 4}}\n  - {entry}  # <-\n")


def bomb() -> str:
    """Return a file whose aliases expand to a billion values: nine lists, each of nine times the previous list."""
    levels = [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    return "\n".join(["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]", *levels])


# mistake: the file, the key that the message opens with, and other parts of the message
MISTAKES: dict[str, tuple[str, str, *tuple[str, ...]]] = {
    # unknown keys, at each level
    "unknown key": (top("serch: {}  # <-"), "serch", "unknown key", "allowed: dataset", "did you mean search?"),
    "unknown key of budget": (
        top("budget:", "  trails: 3  # <-"), "budget.trails", "unknown key", "hours", "did you mean trials?",
    ),
    "unknown key of objective": (
        top("objective: {maximise: validation/accuracy}  # <-"), "objective.maximise", "did you mean maximize?",
    ),
    "unknown key of asha": (top("asha: {grace: 3}  # <-"), "asha.grace", "did you mean grace_epochs?"),
    "unknown key of resources": (top("resources: {gpus: 1}  # <-"), "resources.gpus", "did you mean gpu?"),
    "unknown key of confirm": (top("confirm: {seed: 3}  # <-"), "confirm.seed", "unknown key", "did you mean seeds?"),
    "unknown key of tracking": (top("tracking: {system: true}  # <-"), "tracking.system", "system_metrics"),
    "seeds below none": (top("confirm: {seeds: -1}  # <-"), "confirm.seeds", "greater than or equal to 0", "got -1"),
    "unknown key of limit": (top("limit: {test: 5}  # <-"), "limit.test", "unknown key", "train, validation"),
    "unknown hyperparameter searched": (
        search("learning_rat: [1e-5]  # <-"), "search.learning_rat", "mean learning_rate?",
    ),
    "unknown hyperparameter compared": (
        "dataset: sst5\ncompare: {encoder: a, los: [ce]}  # <-", "compare.los",
        "unknown hyperparameter", "did you mean loss?",
    ),
    "unknown hyperparameter fixed": (top("training: {epoch: 3}  # <-"), "training.epoch", "did you mean epochs?"),
    "unknown form": (search("tau: {lgo: [1, 2]}  # <-"), "search.tau.lgo", "uniform", "did you mean log?"),
    "unknown key in a case": (
        cases("{log: [1, 2], when: {loss: scl}}", "{log: [3, 4], when: {loss: lcl}, stp: 1}  # <-"),
        "search.tau.cases[2].stp", "unknown key", "did you mean step?",
    ),
    "a range beside cases": (
        search("tau: {cases: [{log: [1, 2], when: {loss: scl}}], log: [1, 2]}  # <-"),
        "search.tau.log", "unknown key", "allowed: cases",
    ),
    # wrong types
    "words for a number": (top("budget: {trials: many}  # <-"), "budget.trials", "integer", "got many"),
    "a number for a mapping": (top("budget: 20  # <-"), "budget", "mapping", "got 20"),
    "nothing for a mapping": (top("budget:  # <-"), "budget", "mapping", "got nothing"),
    "a list for a mapping": (top("search: [tau]  # <-"), "search", "mapping", "got [tau]"),
    "a mapping for a list": (top("start_with: {tau: 1}  # <-"), "start_with", "list", "got {tau: 1}"),
    "a number in start_with": (
        top("start_with:", "  - {loss: ce}", "  - 5  # <-"), "start_with[2]", "mapping", "got 5",
    ),
    "true for a number": (top("seed: true  # <-"), "seed", "integer", "got true"),
    "a seed below 0": (top("seed: -1  # <-"), "seed", "0", "got -1"),
    "yes for a share": (top("resources: {gpu: yes}  # <-"), "resources.gpu", "number", "got yes"),
    "no CPUs": (top("resources: {cpu: 0}  # <-"), "resources.cpu", "1", "got 0"),
    "no hours": (top("budget: {hours: 0}  # <-"), "budget.hours", "greater than 0", "got 0"),
    "endless hours": (top("budget: {hours: .inf}  # <-"), "budget.hours", "finite", "got inf"),
    "no epochs": (top("budget: {epochs: 0}  # <-"), "budget.epochs", "greater than or equal to 1", "got 0"),
    "a cost without a price": (
        top("budget: {cost: {usd: 50}}  # <-"), "budget.cost.per_gpu_hour", "is missing; budget.cost needs this key",
    ),
    "an unknown key of cost": (
        top("budget: {cost: {usd: 50, per_gpu_hour: 2, euro: 1}}  # <-"),
        "budget.cost.euro", "unknown key", "per_gpu_hour",
    ),
    "a number for cost": (top("budget: {cost: 50}  # <-"), "budget.cost", "mapping", "got 50"),
    "a cost without a GPU": (
        top("budget: {cost: {usd: 50, per_gpu_hour: 2}}  # <-"), "budget.cost", "resources.gpu: 0", "set resources.gpu",
    ),
    "GPU hours without a GPU": (top("budget: {gpu_hours: 5}  # <-"), "budget.gpu_hours", "resources.gpu: 0"),
    "a word for patience": (top("budget: {patience: much}  # <-"), "budget.patience", "mapping", "got much"),
    "half a trial of patience": (top("budget: {patience: 2.5}  # <-"), "budget.patience.trials", "integer", "got 2.5"),
    "no patience": (top("budget: {patience: 0}  # <-"), "budget.patience.trials", "greater than or equal", "got 0"),
    "a word for stop_at": (
        top("objective: {maximize: validation/accuracy, stop_at: good}  # <-"),
        "objective.stop_at", "number", "got good",
    ),
    "unknown sampler": (
        top("sampler: bayes  # <-"), "sampler",
        "unknown sampler", "got bayes", "allowed: tpe, random, grid, cmaes, gp, qmc",
    ),
    "asha on": (top("asha: on  # <-"), "asha", "off", "reduction_factor: 3", "got on"),
    "asha false": (top("asha: false  # <-"), "asha", "off", "got false"),
    "a word for the grace": (top("asha:", "  grace_epochs: zero  # <-"), "asha.grace_epochs", "number", "got zero"),
    "a list under training": (top("training: {epochs: [1, 2]}  # <-"), "training.epochs", "integer", "got [1, 2]"),
    "a word under training": (top("training: {precision: fp8}  # <-"), "training.precision", "bf16", "got fp8"),
    # ranges
    "an empty range": (search("tau: {log: [2, 1]}  # <-"), "search.tau.log", "low <= high", "got [2, 1]"),
    "log beside a real range": (
        search("tau: {uniform: [1, 2], log: true}  # <-"), "search.tau.log", "goes with int, got uniform", "{log: [low",
    ),
    "a word for log": (search("epochs: {int: [1, 9], log: 10}  # <-"), "search.epochs.log", "true or false", "got 10"),
    "log with a step": (
        search("epochs: {int: [1, 9], log: true, step: 2}  # <-"), "search.epochs.log", "a step", "got step: 2",
    ),
    "log and an integer range": (
        search("epochs: {int: [1, 9], log: [1, 9]}  # <-"), "search.epochs", "exactly one", "log and int",
    ),
    "a log range of whole numbers from 0": (
        search("contrastive_epochs: {int: [0, 9], log: true}  # <-"), "search.contrastive_epochs.int", "got [0, 9]",
    ),
    "a bound of nan": (search("tau: {uniform: [.nan, 1]}  # <-"), "search.tau.uniform", "finite", "got [nan, 1]"),
    "an infinite bound": (search("tau: {uniform: [1, .inf]}  # <-"), "search.tau.uniform", "finite", "got [1, inf]"),
    "a log range from 0": (search("tau: {log: [0, 1]}  # <-"), "search.tau.log", "above 0", "got [0, 1]"),
    "a log range below 0": (search("tau: {log: [-1, 1]}  # <-"), "search.tau.log", "above 0", "got [-1, 1]"),
    "one bound": (search("tau: {log: [1]}  # <-"), "search.tau.log", "[low, high]", "got [1]"),
    "a word for a bound": (search("tau: {log: [1, high]}  # <-"), "search.tau.log", "two numbers", "got [1, high]"),
    "true for a bound": (search("tau: {log: [true, 2]}  # <-"), "search.tau.log", "two numbers", "got [true, 2]"),
    "a bound outside the hyperparameter's": (
        search("alpha: {uniform: [0, 2]}  # <-"), "search.alpha.uniform", "to 1", "got 2",
    ),
    "two ranges": (search("tau: {uniform: [1, 2], log: [1, 2]}  # <-"), "search.tau", "exactly one", "uniform and log"),
    "no range": (search("tau: {when: {loss: scl}}  # <-"), "search.tau", "exactly one", "got none"),
    "fractions for a whole number": (
        search("epochs: {uniform: [1, 9]}  # <-"), "search.epochs.uniform", "{int: [low, high]}", "got uniform",
    ),
    "a fraction as a whole bound": (search("epochs: {int: [1.5, 9]}  # <-"), "search.epochs.int", "integer", "got 1.5"),
    "fractions as bounds of int": (search("tau: {int: [1, 2.5]}  # <-"), "search.tau.int", "whole numbers", "[1, 2.5]"),
    "a range of words": (search("loss: {int: [0, 1]}  # <-"), "search.loss.int", "'lcl' or 'lcl_inside'", "got 0"),
    "a step that does not divide": (
        search("tau:", "  uniform: [1, 2]", "  step: 0.3  # <-"), "search.tau.step", "divide", "1 to 2", "got 0.3",
    ),
    "a step that does not divide whole": (
        search("batch_size: {int: [4, 9], step: 2}  # <-"), "search.batch_size.step", "divide", "4 to 9", "got 2",
    ),
    "a step on log": (search("tau: {log: [1, 2], step: 1}  # <-"), "search.tau.step", "uniform and int", "got log"),
    "a step of 0": (search("tau: {uniform: [1, 2], step: 0}  # <-"), "search.tau.step", "above 0", "got 0"),
    "half a step": (search("epochs: {int: [1, 2], step: 0.5}  # <-"), "search.epochs.step", "whole number", "got 0.5"),
    # lists
    "a value outside the hyperparameter's": (search("epochs: [0, 4]  # <-"), "search.epochs[1]", "equal to 1", "got 0"),
    "a value of another type": (
        search("epochs:", "  - 3", "  - four  # <-"), "search.epochs[2]", "integer", "got four",
    ),
    "a word that is none of a hyperparameter's": (
        "dataset: sst5\ncompare: {encoder: a, loss: [ce, cel]}  # <-",
        "compare.loss[2]", "'lcl' or 'lcl_inside'", "got cel",
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
        "search.tau.when.normalise", "unknown hyperparameter", "encoder, loss", "did you mean normalize?",
    ),
    "when in a circle": (
        search("dropout: {value: 0.1, when: {epochs: 1}}  # <-", "epochs: {value: 1, when: {dropout: 0.1}}"),
        "search.dropout", "circle", "dropout, epochs",
    ),
    "when on itself": (search("epochs: {value: 1, when: {epochs: 1}}  # <-"), "search.epochs", "circle", "epochs"),
    "when on a value that is not listed": (
        search("normalize: [true]", "tau: {value: 1, when: {normalize: false}}  # <-"),
        "search.tau.when.normalize", "never meet false", "allowed: true",
    ),
    "when on a word that is not listed": (
        search("tau: {value: 1, when: {loss: [scl, sce]}}  # <-"),
        "search.tau.when.loss", "never meet sce", "allowed: ce, scl, lcl",
    ),
    "when on another fixed value": (
        search("tau: {value: 1, when: {epochs: 4}}  # <-", then="training: {epochs: 3}\n"),
        "search.tau.when.epochs", "never meet 4", "allowed: 3",
    ),
    "when on one value of a range": (
        search("dropout: {uniform: [0, 0.5]}", "tau: {value: 1, when: {dropout: 0.1}}  # <-"),
        "search.tau.when.dropout", "never meet 0.1", "0 to 0.5",
    ),
    "conditions that exclude each other": (
        search("epochs: {value: 1, when: {loss: scl}}", "tau: {value: 1, when: {loss: lcl, epochs: 1}}  # <-"),
        "search.tau", "never be active",
    ),
    "a list for when": (search("tau: {value: 1, when: [loss]}  # <-"), "search.tau.when", "mapping", "got [loss]"),
    "nothing for when": (search("tau: {value: 1, when: }  # <-"), "search.tau.when", "mapping", "got nothing"),
    "when with no values": (search("tau: {value: 1, when: {loss: []}}  # <-"), "search.tau.when.loss", "got []"),
    "cases that overlap": (
        cases("{log: [1, 2], when: {loss: scl}}", "{log: [3, 4], when: {loss: [scl, lcl]}}  # <-"),
        "search.tau.cases[2]", "together with case 1",
    ),
    "a case without when": (
        cases("{log: [1, 2], when: {loss: scl}}", "{log: [3, 4]}  # <-"), "search.tau.cases[2]", "needs a `when`",
    ),
    "no cases": (search("tau: {cases: []}  # <-"), "search.tau.cases", "list", "got []"),
    # what to start with
    "start outside the space": (
        start("{batch_size: 9}", "batch_size: [4, 8]"), "start_with[2].batch_size", "got 9", "allowed: 4, 8",
    ),
    "start outside a range": (
        start("{loss: scl, tau: 5}", "batch_size: [4]", "tau: {log: [1, 2]}"),
        "start_with[2].tau", "got 5", "allowed: 1 to 2 (log)",
    ),
    "start with another fixed value": (
        start("{epochs: 4}", "batch_size: [4]") + "training: {epochs: 3}", "start_with[2].epochs", "got 4", "fixed: 3",
    ),
    "start with an unknown hyperparameter": (
        start("{tua: 1}", "batch_size: [4]", "tau: [1]"), "start_with[2].tua",
        "unknown hyperparameter", "did you mean tau?",
    ),
    "start with a hyperparameter that ce does not use": (
        start("{loss: ce, tau: 1}", "batch_size: [4]", "tau: [1]"), "start_with[2].tau", "inactive", "got 1",
    ),
    "start with an inactive hyperparameter": (
        start("{normalize: false, loss: scl, tau: 1}", "batch_size: [4]", "normalize: [true, false]", TAU),
        "start_with[2].tau", "inactive", "got 1",
    ),
    "start with a hyperparameter whose parent is open": (
        start("{loss: scl, tau: 1}", "batch_size: [4]", "normalize: [true, false]", TAU),
        "start_with[2].tau", "got 1", "set normalize too",
    ),
    # hyperparameters in the wrong place
    "compared and searched": (search("loss: [ce]  # <-"), "search.loss", "under compare too"),
    "searched and fixed": (
        search("epochs: [1, 2]  # <-", then="training: {epochs: 3}\n"), "search.epochs", "under training too",
    ),
    "compared and fixed": (
        "dataset: sst5\ncompare: {encoder: a, epochs: [1, 2]}  # <-\ntraining: {epochs: 3}",
        "compare.epochs", "under training too",
    ),
    "the seed as a hyperparameter": (search("seed: [1, 2]  # <-"), "search.seed", "set by sweeper", "top-level `seed`"),
    "the seed fixed": (top("training: {seed: 3}  # <-"), "training.seed", "set by sweeper"),
    "threads as a hyperparameter": (search("threads: [1, 2]  # <-"), "search.threads", "set by sweeper", "resources"),
    "validations searched": (
        search("validations_per_epoch: [1, 2]  # <-"), "search.validations_per_epoch", "cannot vary", "under training",
    ),
    "a compared range": (
        "dataset: sst5\ncompare:\n  encoder: a\n  dropout: {uniform: [0, 0.5]}  # <-",
        "compare.dropout", "list of values", "got 0 to 0.5", "search",
    ),
    "compared under a searched one": (
        "dataset: sst5\ncompare:\n  encoder: a\n  epochs: {value: 1, when: {batch_size: 4}}  # <-\n"
        "search: {batch_size: [4, 8]}",
        "compare.epochs", "searched", "got batch_size", "move batch_size to compare",
    ),
    "no encoder": ("dataset: sst5\ncompare: {loss: [ce]}  # <-", "compare", "encoder", "google/electra-base"),
    "nothing but a data set": ("dataset: sst5  # <-", "compare", "needs an encoder"),
    # the whole
    "no data set": ("compare: {encoder: a}  # <-", "dataset", "missing"),
    "unknown data set": (
        "dataset: sst  # <-\ncompare: {encoder: a}", "dataset", "got sst", "allowed: ", "did you mean sst5?",
    ),
    "too small a budget": (top("budget: {trials: 5}  # <-"), "budget.trials", "at least 6", "6 systems", "got 5"),
    "an endless grid": (search("tau: {log: [1, 2]}  # <-", then="sampler: grid\n"), "search.tau", "grid", "a step"),
    "the test split chooses": (
        top("objective: {maximize: test/accuracy}  # <-"), "objective.maximize",
        "validation/macro_f1", "test split chooses nothing", "got test/accuracy",
    ),
    "a loss maximized": (top("objective: {maximize: validation/loss}  # <-"), "objective.maximize", "got validation"),
    "both ways": (
        top("objective: {maximize: validation/accuracy, minimize: validation/loss}  # <-"),
        "objective", "exactly one of maximize and minimize",
    ),
    "neither way": (top("objective: {}  # <-"), "objective", "exactly one of maximize and minimize"),
    "half a validation": (top("asha: {grace_epochs: 0.5}  # <-"), "asha.grace_epochs", "1 per epoch", "got 0.5"),
    "one and a half validations": (
        top("training: {validations_per_epoch: 3}", "asha: {grace_epochs: 0.5}  # <-"),
        "asha.grace_epochs", "whole validations", "3 per epoch", "got 0.5",
    ),
}  # fmt: skip

# not plain YAML: the file, and a part of the message
UNREADABLE: dict[str, tuple[str, str]] = {
    "duplicate key": (top("dataset: sst2  # <-"), "dataset: duplicate key"),
    "duplicate hyperparameter": (search("tau: 1", "tau: 2  # <-"), "search.tau: duplicate key"),
    "duplicate key in a list": (
        top("start_with:", "  - {loss: ce, loss: scl}  # <-"),
        "start_with[1].loss: duplicate key",
    ),
    "a collection as a key": (top("{a: 1}: 2  # <-"), "a key must be a word"),
    "a tag": (top("seed: !!python/object:os.system ls  # <-"), "tags are not allowed, got tag:yaml.org,2002:python"),
    "a harmless tag": (top("seed: !!int 3  # <-"), "tags are not allowed"),
    "an alias bomb": (bomb(), "10,000 values; its aliases expand to more"),
    "a recursive alias": (top("search: &all {tau: *all}  # <-"), "nested deeper than 40 levels"),
    "a recursive list": (top("search: &all  # <-", "  - *all"), "nested deeper"),
    "an unknown alias": (top("search: *other  # <-"), "not valid YAML: found undefined alias 'other'"),
    "deep brackets": ("search: " + "[" * 60 + "]" * 60 + "  # <-", "nested deeper than 40 levels"),
    "an empty file": ("", "must be a mapping of keys to values, such as `dataset: sst5`"),
    "a comment": ("# nothing yet\n", "must be a mapping"),
    "a list at the top": ("- dataset: sst5\n", "must be a mapping"),
    "a word at the top": ("sst5\n", "must be a mapping"),
    "a bracket left open": ("dataset: sst5\ncompare: {encoder: [a\nloss: ce  # <-\n", "not valid YAML"),
    "two colons": (top("seed: 1: 2  # <-"), "not valid YAML: mapping values are not allowed here"),
    "a tab": (top("asha:", "\tgrace_epochs: 2  # <-"), "not valid YAML"),
    "two documents": ("dataset: sst5\n---  # <-\nseed: 1\n", "not valid YAML"),
    "a zero byte": ("dataset: \0\n", "not valid YAML"),
}

# reported in one line, but not with all of place, key, value and remedy
BRIEF: dict[str, tuple[str, str, *tuple[str, ...]]] = {
    "a list in start_with": (start("{batch_size: [4, 8]}", "batch_size: [4, 8]"), "start_with[2].batch_size", "[4, 8]"),
    "a number of 5000 digits": (top(f"seed: {'9' * 5000}  # <-"), "seed"),
    "a bound of 400 digits": (search(f"tau: {{uniform: [1, 1{'0' * 400}]}}  # <-"), "search.tau.uniform[2]"),
    "a key of two lines": (top('"se\\nrch": {}  # <-'), "", "did you mean search?"),
    "a fraction where a whole number must be": (search("epochs: [2, 3.0]  # <-"), "search.epochs[2]", "got 3.0"),
    "a quoted number": (search("epochs: [2, '3']  # <-"), "search.epochs[2]", "got '3'"),
}


def error_message(file: Path, *overrides: str) -> str:
    """Return the message that the user gets for a file."""
    with pytest.raises(UsageError) as caught:
        parser.parse_spec(yaml_file.load_yaml(file, overrides))
    assert caught.value.exit_code == 2
    return str(caught.value)


def message_and_place(folder: Path, text: str) -> tuple[str, str]:
    """Return the one-line message for a file with this text, and the place that it must open with."""
    file = folder / "space.yaml"
    file.write_text(text, encoding="utf-8")
    line = text[: text.find("# <-")].count("\n") + 1 if "# <-" in text else 1
    message = error_message(file)
    assert len(message.splitlines()) == 1, message
    return message, f"{file}:{line}: "


@pytest.mark.parametrize(("text", "key", "says"), [(t, k, s) for t, k, *s in MISTAKES.values()], ids=MISTAKES)
def test_a_mistake_is_reported_with_place_key_value_and_remedy(
    tmp_path: Path, text: str, key: str, says: list[str]
) -> None:
    message, place = message_and_place(tmp_path, text)
    assert message.startswith(f"{place}{key}: ")
    assert [fragment for fragment in says if fragment not in message] == [], message


@pytest.mark.parametrize(("text", "key", "says"), [(t, k, s) for t, k, *s in BRIEF.values()], ids=BRIEF)
def test_a_mistake_is_reported_clearly(tmp_path: Path, text: str, key: str, says: list[str]) -> None:
    message, place = message_and_place(tmp_path, text)
    assert message.startswith(f"{place}{key}")
    assert [fragment for fragment in says if fragment not in message] == [], message


@pytest.mark.parametrize(("text", "says"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_text_that_is_not_plain_yaml_is_reported_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    message, place = message_and_place(tmp_path, text)
    assert message.startswith(place)
    assert says in message


def test_a_thousand_brackets_are_one_line(tmp_path: Path) -> None:
    message, place = message_and_place(tmp_path, "[" * 1000)
    assert message.startswith((f"{place}not valid YAML", f"{place}nested deeper"))


def test_an_unreadable_file_is_reported_with_its_name(tmp_path: Path) -> None:
    missing, folder, latin, huge = (tmp_path / name for name in ("none.yaml", "folder", "latin.yaml", "huge.yaml"))
    folder.mkdir()
    latin.write_bytes(b"dataset: sst5\n# caf\xe9\n")
    huge.write_bytes(b"#" * 2_000_000)
    assert error_message(missing).startswith(f"{missing}: no such file")
    assert error_message(folder).startswith(f"{folder}: is a directory")
    assert error_message(missing / "deeper.yaml").startswith(f"{missing / 'deeper.yaml'}: no such file")
    assert error_message(latin / "deeper.yaml").startswith(f"{latin / 'deeper.yaml'}: cannot be read")
    assert error_message(latin).startswith(f"{latin}:2: must be UTF-8, got byte 0xe9")
    assert error_message(huge).startswith(f"{huge}: ")
    assert "2,000,000" in error_message(huge)


@pytest.mark.parametrize(
    ("override", "key", "says"),
    [
        ("seed=-1", "seed", "got -1"),
        ("compare.loss=ce,lcl", "compare.loss", "for several values write [ce, lcl]"),
        ("compare.encoder=gru,rnn", "compare.encoder", "for several values write [gru, rnn]"),
        ("search.learning_rate=1e-5,1e-4", "search.learning_rate", "for several values write [1e-5, 1e-4]"),
        ("search.normalize=yes", "search.normalize", "must be true or false, got yes"),
        ("dataset=tweets.csv", "dataset", "write dataset: {train: tweets.csv}"),
        ("compare.encoder=''", "compare.encoder", "must have at least 1 character, got ''"),
        ("budget.trails=3", "budget.trails", "did you mean trials?"),
        ("budget.trials=5", "budget.trials", "at least 6"),
        ("compare.loss=[ce, cl]", "compare.loss[2]", "got cl"),
        ("search.tau.log=[2, 1]", "search.tau.log", "low <= high"),
        ("search.tau=", "search.tau", "got nothing"),
        ("start_with=[{loss: triplet}]", "start_with[1].loss", "ce, scl, lcl"),
    ],
)
def test_a_mistake_in_an_override_names_the_option(
    tmp_path: Path, override: str, key: str, says: str
) -> None:  # fmt: skip
    file = tmp_path / "space.yaml"
    file.write_text(HEAD)
    message = error_message(file, override)
    assert message.startswith(f"--set {override}: {key}: ")
    assert len(message.splitlines()) == 1
    assert says in message


def test_a_long_list_is_not_blamed_on_aliases(tmp_path: Path) -> None:
    values = ", ".join(str(number) for number in range(10_001))
    message, _ = message_and_place(tmp_path, search(f"batch_size: [{values}]  # <-"))
    assert "search.batch_size[" in message
    assert "at most 10,000 values; use a range" in message


def test_an_override_can_correct_a_mistake_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(top("seed: -1"))
    assert parser.parse_spec(yaml_file.load_yaml(file, ["seed=1"])).seed == 1


def test_several_mistakes_are_reported_together_each_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(top("seed: -1", "asha: {grace_epochs: 0, reduction_factor: 1}", "budgt: {}"))
    lines = error_message(file).splitlines()
    assert sorted(line.split(": ")[0] for line in lines) == [f"{file}:3", f"{file}:4", f"{file}:4", f"{file}:5"]
    file.write_text(HEAD + "training: {epoch: 3, seed: 1, tau: 0}\n")
    assert len(error_message(file).splitlines()) == 3
    file.write_text("dataset: sst5\ndataset: sst5\nseed: 1\nseed: 2\n")
    assert [line.split(": ")[1] for line in error_message(file).splitlines()] == ["dataset", "seed"]
