"""Trials, figures and times as people read them."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from sweeper.protocol.ranking import best_report
from sweeper.protocol.sweep_results import SweepResults, SystemResult
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord
from sweeper.wording import format_value


def shorten_value(value: Scalar) -> str:
    """A value in few characters: an encoder without its owner, a number with four digits."""
    text = f"{value:.4g}" if isinstance(value, float) else format_value(value)
    return text.rpartition("/")[2]


def format_params(params: Mapping[str, Scalar]) -> str:
    """Params as one phrase: batch_size 32, learning_rate 4.1e-05."""
    return ", ".join(f"{name} {shorten_value(value)}" for name, value in params.items())


def format_score(value: float | None) -> str:
    """A score with four digits after the point, as tables have it."""
    return "-" if value is None else f"{value:.4f}"


def format_duration(seconds: float) -> str:
    """A time in its two largest units: 41s, 3m 20s, 5h 07m."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"


def system_label(spec: SweepSpec, number: int) -> str:
    """A cell's name, by the knobs that tell it from the others: `lcl`, or `electra-base-discriminator lcl`."""
    own = spec.systems[number]
    telling = [name for name in own if any(other.get(name) != own[name] for other in spec.systems)]
    return " ".join(shorten_value(own[name]) for name in telling or own) or "all"


def trial_line(spec: SweepSpec, recorded: TrialRecord, width: int) -> str:
    """A finished trial on one line; `width` is that of the longest cell's name."""
    trial, finish = recorded.trial, recorded.end
    own = spec.systems[trial.system]
    report = best_report(spec, recorded)
    took = ((recorded.ended_at or recorded.started_at) - recorded.started_at) / 1000
    parts = [
        f"trial {trial.number:>3}",
        f"{system_label(spec, trial.system):<{width}}",
        *([f"seed {trial.seed_index} of trial {trial.source_trial}"] if trial.source_trial else []),
        f"{finish.outcome.label if finish else 'running':<13}",
        f"{format_score(report.metrics[spec.objective.metric]) if report else '-':>6} at epoch {report.epoch:<3g}"
        if report
        else f"{'-':>6}{'':13}",
        f"{format_duration(took):>7}",
        "" if trial.source_trial else format_params({k: v for k, v in trial.params.items() if k not in own}),
    ]
    if finish is not None and not finish.outcome.is_healthy:
        parts.append(f"[{finish.reason}]")
    return "  ".join(parts)


def results_table(spec: SweepSpec, results: SweepResults) -> Table:
    """The best of each cell, from a sweep's results; their settings are in `settings_lines`."""
    metric = spec.objective.metric
    table = Table(title=f"{results.sweep}: best per system by {metric}", title_justify="left", box=None, pad_edge=False)
    hyperparameters = list(dict.fromkeys(name for own in spec.systems for name in own))
    for hyperparameter in hyperparameters:
        table.add_column(hyperparameter, overflow="fold")
    for name in _columns(spec):
        table.add_column(name.removeprefix("validation/"), justify="right")
    for name in ("epoch", "trial", "trials"):
        table.add_column(name, justify="right", no_wrap=True)
    for result in results.systems:
        table.add_row(*_table_row(spec, hyperparameters, result))
    return table


def _columns(spec: SweepSpec) -> list[str]:
    return list(dict.fromkeys((spec.objective.metric, "validation/accuracy", "validation/macro_f1")))


def _table_row(spec: SweepSpec, hyperparameters: Sequence[str], result: SystemResult) -> list[str]:
    own, best = result.system, result.best
    names = [shorten_value(own[hyperparameter]) if hyperparameter in own else "-" for hyperparameter in hyperparameters]
    others = [
        f"{count} {outcome.label.removesuffix(' early')}"
        for outcome, count in result.outcomes.items()
        if outcome != Outcome.COMPLETED
    ]
    ended = f"{result.num_trials}" + (f" ({', '.join(others)})" if others else "")
    if best is None:
        return [*names, *("-" for _ in _columns(spec)), "-", "-", ended]
    scores = [format_score(best.metrics.get(name)) for name in _columns(spec)]
    return [*names, *scores, f"{best.epoch:g}", f"{best.trial}{'' if best.completed else '*'}", ended]


def settings_lines(spec: SweepSpec, results: SweepResults) -> list[str]:
    """The settings of each row of the table, by trial; what is odd about a row is said there."""
    lines = []
    for system, result in enumerate(results.systems):
        best = result.best
        if best is None:
            lines.append(f"{system_label(spec, system)}: no trial reached a validation")
            continue
        mean = f" (mean {format_score(best.mean)} over {best.repeats} seeds)" if best.repeats > 1 else ""
        mark = "" if best.completed else " (*no trial of this system completed; this one came furthest)"
        lines.append(f"trial {best.trial}: {format_params(best.params)}{mean}{mark}")
    return lines


def describe_spec(spec: SweepSpec) -> str:
    """What a spec would run, in one line."""
    systems = len(spec.systems)
    trials = sum(spec.trial_budget(system) for system in range(systems))
    rungs = [f"{rung / spec.validations_per_epoch:g}" for rung in spec.rungs]
    asha = f"ASHA after epoch {', '.join(rungs)}" if rungs else "no early stopping"
    limit = ", a part of the rows (limit)" if spec.limit.model_dump(exclude_none=True) else ""
    plural, seeds = "s" if systems != 1 else "", spec.confirm.seeds
    confirm = f", confirmed with {seeds} fresh seed{'s' if seeds > 1 else ''}" if seeds else ""
    trials_of = f"{trials} trials of up to {spec.max_epochs} epochs"
    return f"{spec.dataset_spec.name}, {systems} cell{plural}, {trials_of}, {asha}{confirm}{limit}"


def confusion_table(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Table:
    """How often each true class (a row) was taken for each class (a column); what never happened is a dot."""
    table = Table(
        title="test split: true class, and what it was taken for", title_justify="left", box=None, pad_edge=False
    )
    heads = [label[:4] for label in labels]
    if len(set(heads)) < len(labels):  # these would not tell them apart
        heads = [str(number) for number in range(1, len(labels) + 1)]
        labels = [f"{head} {label}" for head, label in zip(heads, labels, strict=True)]
    table.add_column("")
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for label, row in zip(labels, counts, strict=True):
        table.add_row(label, *(str(count) if count else "·" for count in row))
    return table
