"""Formats trials, scores, settings and times for people."""

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.table import Table

from sweeper.protocol.plan_description import unused_hyperparameters
from sweeper.protocol.ranking import best_report, describe_outcomes
from sweeper.protocol.search_budget import count_search_trials
from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.system_results import SearchBest, SystemResult
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar
from sweeper.training.tasks import TASKS
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord, describe_origin
from sweeper.wording import count_noun, format_epoch, format_value

PART_OF_ROWS = "a part of the rows"
_SCORE_WIDTH = 6  # columns
_NARROW, _WIDE = 56, 80  # columns, from which heads are whole, and rows have one line
_STOPPED_AFTER = "stopped after "  # begins the reason of a trial that was stopped early


def shorten_value(value: Scalar) -> str:
    """Return a value in few characters: an encoder without its owner, a number with four digits."""
    text = f"{value:.4g}" if isinstance(value, float) else format_value(value)
    return text.rpartition("/")[2] or text


def format_params(params: Mapping[str, Scalar]) -> str:
    """Return hyperparameters as one phrase: batch_size 32, learning_rate 4.1e-05."""
    return ", ".join(f"{name} {shorten_value(value)}" for name, value in params.items())


def format_score(value: float | None) -> str:
    """Return a score with four digits after the point, as tables show it."""
    return "-" if value is None else f"{value:.4f}"


def format_duration(seconds: float) -> str:
    """Return a time in its two largest units: 41s, 3m 20s, 5h 07m."""
    minutes, remainder = divmod(int(seconds), 60)
    if minutes < 1:
        return f"{remainder}s"
    if minutes < 60:
        return f"{minutes}m {remainder:02}s"
    return f"{minutes // 60}h {minutes % 60:02}m"


def format_trained(record: TrialRecord) -> str:
    """Return the time that a trial trained and validated, over all its attempts; - for one without a report."""
    return format_duration(record.trained_seconds) if record.reports else "-"


def system_label(spec: SweepSpec, system: int) -> str:
    """Return a system's name, made of the values that differ between systems: `lcl`, or `electra-base lcl`."""
    params = spec.systems[system]
    differing = [name for name in params if any(other.get(name) != params[name] for other in spec.systems)]
    return " ".join(_distinct_value(spec, name, params[name]) for name in differing or params) or "all"


def _distinct_value(spec: SweepSpec, name: str, value: Scalar) -> str:
    """Return a value in few characters; whole if another system's value would look the same: a/mini and b/mini."""
    values = {params[name] for params in spec.systems if name in params}
    short = shorten_value(value)
    return short if [shorten_value(other) for other in values].count(short) == 1 else format_value(value)


def searched_params(spec: SweepSpec, system: int, params: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return the hyperparameters of a setting without those that define its system or are the same in every trial."""
    fixed = {**shared_params(spec), **spec.systems[system]}
    return {name: value for name, value in params.items() if name not in fixed or fixed[name] != value}


def shared_params(spec: SweepSpec) -> dict[str, Scalar]:
    """Return the hyperparameters that have the same value in every trial of a sweep."""
    compared = {
        name: value
        for name, value in spec.systems[0].items()
        if all(system.get(name) == value for system in spec.systems)
    }
    searched = {}
    for hyperparameter in spec.space.searched_hyperparameters():
        values = [branch.domain.enumerate_values() for branch in hyperparameter.branches]
        if not hyperparameter.parents and len(values) == 1 and values[0] is not None and len(set(values[0])) == 1:
            searched[hyperparameter.name] = next(iter(values[0]))
    return {**compared, **searched, **spec.training}


def trial_line(spec: SweepSpec, record: TrialRecord, width: int) -> str:
    """Return a trial, its end and the time that it trained on one line, without its setting.

    `width` is the length of the longest system.
    """
    trial = record.trial
    parts = [f"trial {trial.number:>3}", f"{system_label(spec, trial.system):<{width}}"]
    if origin := describe_origin(trial):
        parts.append(origin)
    parts += [f"{record.end.outcome.label if record.end else 'running':<13}", f"{describe_trial(spec, record):<17}"]
    return "  ".join([*parts, f"{format_trained(record):>7}"])


def describe_trial(spec: SweepSpec, record: TrialRecord) -> str:
    """Return the best score of a trial with its epoch, or for one that was stopped, the value and the bar of the rung.

    A trial that ended badly has its reason too.
    """
    end, report = record.end, best_report(spec, record)
    if end is not None and end.outcome == Outcome.STOPPED_EARLY and end.reason.startswith(_STOPPED_AFTER):
        return end.reason.removeprefix(_STOPPED_AFTER)
    value = format_score(report.metrics[spec.objective.metric] if report else None)
    score = f"{value} at epoch {format_epoch(report.epoch)}" if report else value
    return f"{score}  {end.reason}" if end is not None and end.reason else score


def search_title(results: SweepResults) -> str:
    """Return the line that stands above `search_table`."""
    return f"{results.sweep}: best per system by {results.objective}"


def search_table(spec: SweepSpec, results: SweepResults, width: int = _WIDE) -> Table:
    """Return the best trial of each system as a table for a terminal of `width` columns, without their settings."""
    table = Table(box=None, pad_edge=False)
    names = list(dict.fromkeys(name for params in spec.systems for name in params))
    for name in names:
        table.add_column(name, overflow="fold")
    for column in _metric_columns(spec):
        name = column.removeprefix("validation/")
        is_whole = width >= _NARROW
        table.add_column(name, justify="right", overflow="fold", min_width=_SCORE_WIDTH, no_wrap=is_whole)
    for column in ("epoch", "trial", "trials"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results.systems:
        table.add_row(*_search_row(spec, names, result, is_wide=width >= _WIDE))
    return table


def _metric_columns(spec: SweepSpec) -> list[str]:
    of_table = f"validation/{TASKS[spec.dataset_spec.task].table_metric}"
    return list(dict.fromkeys((spec.objective.metric, of_table, "validation/macro_f1")))


def _search_row(spec: SweepSpec, names: Sequence[str], result: SystemResult, *, is_wide: bool) -> list[str]:
    best = result.best
    values = [shorten_value(result.system[name]) if name in result.system else "-" for name in names]
    remarks = [
        f"{count} {outcome.label.removesuffix(' early')}"
        for outcome, count in result.outcomes.items()
        if outcome != Outcome.COMPLETED
    ]
    if result.cloned:
        remarks.append(f"{result.cloned} cloned")
    trials = str(result.num_trials)
    if remarks:
        trials += f" ({', '.join(remarks)})" if is_wide else "\n" + "\n".join(remarks)
    if best is None:
        return [*values, *("-" for _ in _metric_columns(spec)), "-", "-", trials]
    scores = [format_score(best.metrics.get(name)) for name in _metric_columns(spec)]
    return [*values, *scores, format_epoch(best.epoch), f"{best.trial}{'' if best.completed else '*'}", trials]


def settings_lines(spec: SweepSpec, results: SweepResults) -> list[str]:
    """Return the setting of each row of `search_table` by trial, with a note if it is unusual."""
    lines = []
    for system, result in enumerate(results.systems):
        best = result.best
        if best is None:
            ends = f"no trial reached a validation{_ends(results, system, 'search')}"
            lines.append(f"{system_label(spec, system)}: {ends if result.num_trials else 'no trial has ended yet'}")
            continue
        mean = f" ({_describe_mean(best)})" if best.repeats > 1 else ""
        ends = "" if best.completed else _ends(results, system, "search")
        note = "" if best.completed else f" (*no trial of this system completed{ends}; this one came furthest)"
        lines.append(f"trial {best.trial}: {format_params(best.params)}{mean}{note}")
        seeds = result.confirmation.seeds if result.confirmation else ()
        if seeds and not any(seed.outcome == Outcome.COMPLETED for seed in seeds):
            lines.append(f"{system_label(spec, system)}: no fresh seed completed{_ends(results, system, 'confirm')}")
    return lines


def _describe_mean(best: SearchBest) -> str:
    mean = f"mean {format_score(best.mean)} over {best.repeats} seeds"
    return mean if best.shrunk_mean is None else f"{mean}, shrunk {format_score(best.shrunk_mean)}"


def _ends(results: SweepResults, system: int, stage: str) -> str:
    """Return how a system's trials of a stage ended, with the first reason: `: 3 failed, 1 diverged (KeyError: 7)`."""
    trials = [trial for trial in results.trial_results if (trial.system, trial.stage) == (system, stage)]
    outcomes = Counter(trial.outcome for trial in trials if trial.outcome is not None)
    reason = next((f" ({trial.reason})" for trial in trials if trial.reason), "")
    return f": {describe_outcomes(outcomes)}{reason}" if outcomes else ""


def describe_spec(spec: SweepSpec) -> str:
    """Return a description of what a spec would run, in one line."""
    return ", ".join([spec.dataset_spec.name, count_noun(len(spec.systems), "system"), *describe_run(spec)])


def describe_run(spec: SweepSpec) -> list[str]:
    """Return the trials of a spec, what may stop them, and their confirmation, as phrases."""
    seeds, trials = spec.confirm.seeds, count_search_trials(spec)
    longest = count_noun(spec.max_epochs, "epoch")
    parts = [f"{count_noun(trials, 'trial')} of up to {longest}", early_stopping_phrase(spec)]
    settings = spec.count_settings()
    if settings is not None and trials < settings:
        parts.insert(1, f"{trials} of {settings:,} settings" if spec.is_exhaustive else f"of {settings:,} settings")
    if unused := unused_hyperparameters(spec):
        parts.append(f"{' and '.join(unused)} never used")
    if limits := spec.budget.describe_limits():
        parts.append(f"at most {', '.join(limits)}")
    if spec.objective.stop_at is not None:
        parts.append(f"until {spec.objective.metric} is {spec.objective.stop_at:g}")
    if spec.budget.patience is not None:
        fewest = min(spec.trial_budget(system) for system in range(len(spec.systems)))
        is_idle = spec.budget.patience.trials >= fewest
        idle = f", which ends nothing: a system has only {count_noun(fewest, 'trial')}" if is_idle else ""
        parts.append(f"patience of {spec.budget.patience.trials} trials{idle}")
    if spec.race is not None:
        parts.append(spec.race.describe())
    if seeds:
        parts.append(f"confirmed with {count_noun(seeds, 'fresh seed')}")
    if spec.limit.model_dump(exclude_none=True):
        parts.append(f"{PART_OF_ROWS} (limit)")
    if spec.source is not None and spec.source.left_out:
        parts.append(f"without {count_noun(spec.source.left_out, 'setting')} of start_with that --set excludes")
    return parts


def early_stopping_phrase(spec: SweepSpec) -> str:
    """Return the epochs after which early stopping may end a trial, in words: `ASHA after epoch 1, 2`."""
    rungs = [format_epoch(rung / spec.validations_per_epoch) for rung in spec.rungs]
    brackets = f" in {len(spec.brackets)} brackets" if len(spec.brackets) > 1 else ""
    return f"{spec.early_stopping_label}{brackets} after epoch {', '.join(rungs)}" if rungs else "no early stopping"


def confusion_table(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Table:
    """Return a confusion matrix: true classes are rows, predicted classes are columns, a dot is zero."""
    table = Table(title="test split: true class by predicted class", title_justify="left", box=None, pad_edge=False)
    heads = [label[:4] for label in labels]
    if len(set(heads)) < len(labels):  # four letters do not tell these classes apart
        heads = [str(number) for number in range(1, len(labels) + 1)]
        labels = [f"{head} {label}" for head, label in zip(heads, labels, strict=True)]
    table.add_column("")
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for label, row in zip(labels, counts, strict=True):
        table.add_row(label, *(str(count) if count else "·" for count in row))
    return table
