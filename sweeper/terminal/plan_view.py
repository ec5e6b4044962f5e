"""Shows the plan of a sweep: a line for each thing that would run, and for what it would use."""

from collections.abc import Iterator

from rich.table import Table

from sweeper.protocol.sweep_plan import PlannedUse, Span, SweepPlan
from sweeper.terminal.formatting import format_duration, format_params, shorten_value
from sweeper.terminal.sweeps_table import format_bytes
from sweeper.trials.resources import describe_resources
from sweeper.wording import count_noun, format_epoch


def plan_table(plan: SweepPlan) -> Table:
    """Return a plan as a table of names and amounts."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in (*_what_runs(plan), *(_what_it_uses(plan, plan.use) if plan.use else ())):
        table.add_row(name, text)
    return table


def _what_runs(plan: SweepPlan) -> Iterator[tuple[str, str]]:
    for index, system in enumerate(plan.systems):
        name = "" if index else "systems"
        race = f", {system.race} of them in its race" if system.race else ""
        yield name, f"{format_params(system.params) or 'one'}: {count_noun(system.trials, 'trial', form=',')}{race}"
    for index, hyperparameter in enumerate(plan.hyperparameters):
        condition = {"": "", "never": ", never used here"}.get(hyperparameter.when, f", if {hyperparameter.when}")
        yield "" if index else "searched", f"{hyperparameter.name} {hyperparameter.values}{condition}"
    yield (
        "search",
        f"{count_noun(plan.trials, 'trial', form=',')}, at most {plan.epochs_at_most:g} epochs, {_epochs(plan.epochs)}",
    )
    yield "early stopping", _early_stopping(plan)
    if plan.confirmation_trainings:
        fresh = f"{count_noun(plan.confirmation_trainings, 'training', form=',')} with fresh seeds"
        yield "confirmation", f"{fresh}, about {plan.confirmation_epochs:.0f} epochs"
        yield "test", f"{count_noun(plan.scorings, 'model', form=',')} scored once"
    yield "validations", f"about {plan.validations:.0f}"
    place = "here" if plan.place == "this machine" else "on the cluster"
    yield "slots", f"{plan.slots} at a time {place}, each with {describe_resources(plan.cpu, plan.gpu)}"
    for note in plan.notes:
        yield "note", note


def _early_stopping(plan: SweepPlan) -> str:
    if not plan.rule:
        return "off"
    rungs = [
        f"after epoch {format_epoch(rung.epoch)} about {rung.passing:.0%} of {rung.trials:.0f} continue"
        for rung in plan.rungs
        if rung.passing is not None
    ]
    rule = f"{plan.rule} in {plan.brackets} brackets" if plan.brackets > 1 else plan.rule
    return f"{rule}: {'; '.join(rungs)}; {plan.stopped:.0f} of {count_noun(plan.trials, 'trial', form=',')} end early"


def _what_it_uses(plan: SweepPlan, use: PlannedUse) -> Iterator[tuple[str, str]]:
    search = format_duration(3600 * use.search_hours.expected)
    yield "time", f"{describe_hours(use.hours)}; the search ends after about {search}"
    yield "CPU", f"{_amount(use.cpu_hours)} hours of processor time"
    if plan.gpu:
        yield "GPU", f"{_amount(use.gpu_hours)} hours"
        yield "GPU memory", f"up to {format_bytes(use.gpu_memory_bytes)} a trial"
    yield "memory", f"up to {format_bytes(use.memory_bytes)} for {count_noun(plan.slots, 'trial', form=',')} at a time"
    disk, free = format_bytes(use.disk_bytes), format_bytes(use.free_disk_bytes)
    yield "disk", f"up to {disk} for checkpoints; {free} are free"
    for index, timed in enumerate(use.timed):
        label = ", ".join(str(shorten_value(value)) for value in timed.params.values())
        yield "" if index else "timed", f"{label}: {timed.epoch_seconds:.3g} s an epoch"


def _epochs(epochs: Span) -> str:
    if round(epochs.low) == round(epochs.high):
        return f"about {epochs.expected:.0f}"
    return f"about {epochs.expected:.0f} ({epochs.low:.0f} to {epochs.high:.0f})"


def describe_hours(hours: Span) -> str:
    """Return a wall time with its range, such as "about 12m (9m to 15m)"."""
    expected, low, high = (format_duration(3600 * value) for value in (hours.expected, hours.low, hours.high))
    return f"about {expected} ({low} to {high})"


def _amount(hours: Span) -> str:
    return f"about {hours.expected:.2g} ({hours.low:.2g} to {hours.high:.2g})"
