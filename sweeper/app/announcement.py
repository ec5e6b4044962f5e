"""The lines that a sweep prints before it starts: what it runs, its data, and what this machine gives its trials."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sweeper.app.open_study import describe_truncation
from sweeper.app.prepare_data import PreparedSweep
from sweeper.protocol.expected_epochs import epochs_at_most, remaining_epochs
from sweeper.protocol.search_budget import count_search_trials
from sweeper.protocol.sweep_plan import Span
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal import formatting
from sweeper.terminal.output import Output
from sweeper.terminal.plan_view import describe_hours
from sweeper.terminal.sweeps_table import format_bytes
from sweeper.training.types import TrainingData
from sweeper.trials.interfaces import Runner
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import TrialRecord
from sweeper.wording import count_noun

if TYPE_CHECKING:
    from sweeper.record.optuna_study import OptunaStudy


def announce(
    output: Output,
    name: str,
    prepared: PreparedSweep,
    study: "OptunaStudy",
    resources: TrialResources,
    data: Mapping[str, TrainingData],
    *,
    is_remote: bool,
) -> None:
    """Print what the sweep `name` is about to run, and the facts about its data. Warnings are left to the view."""
    output.line(f"{name}: {formatting.describe_spec(prepared.spec)}", style="bold")
    num_trials = len(study.all_trials())
    if num_trials:
        output.line(f"  continues: {count_noun(num_trials, 'trial is', 'trials are')} in the record")
    if resources.note:
        output.line(f"  {resources.note}")
    if not resources.gpu and prepared.spec.budget.gpu_hours_limit is not None:
        output.line("  trials use no GPU: budget.gpu_hours and budget.cost count nothing; budget.hours does")
    for fact in data_facts(prepared, data):
        output.line(f"  {fact}")
    if is_remote:
        output.line(f"  the cluster has room for {count_noun(resources.slots, 'trial')} at a time")
    if dropped := describe_truncation(study):
        output.line(f"  {dropped}")


def announce_plan(
    output: Output, spec: SweepSpec, records: Sequence[TrialRecord], slots: int, disk: int, hours: Span | None = None
) -> None:
    """Print in one line what runs now: epochs with early stopping, slots, and bytes of `disk` for checkpoints.

    `hours` is the wall time of a new sweep, which the line has too; None if no calibration gives it.
    """
    remaining = remaining_epochs(spec, records)
    search, confirmation = round(sum(remaining.search)), round(sum(remaining.confirmation))
    left = f"left: about {count_noun(search, 'epoch')} of search"
    parts = [left if records else _describe_search(spec, search)]
    if confirmation:
        parts.append(f"{count_noun(confirmation, 'epoch')} of confirmation")
    duration = f"; {describe_hours(hours)} in all" if hours else ""
    output.line(f"  {', '.join(parts)}; {slots} at a time; checkpoints take up to {format_bytes(disk)}{duration}")


def _describe_search(spec: SweepSpec, epochs: int) -> str:
    """Return what a new sweep searches: its trials, their epochs at most, and about how many it will be."""
    most = epochs_at_most(spec)
    planned = f"{count_noun(count_search_trials(spec), 'trial')}, at most {count_noun(most, 'epoch', form='g')}"
    if epochs >= most:
        return planned
    rule = f" with {spec.early_stopping_label}" if spec.rungs else ""
    return f"{planned} (about {epochs}{rule})"


def announce_workers(output: Output, runner: Runner, slots: int) -> None:
    """Print that workers start, which takes a while before the first trial. In one process there are none."""
    if runner.has_workers and slots:
        output.line(f"  starting {count_noun(slots, 'worker')}; the first trial begins once one has started")


def data_facts(prepared: PreparedSweep, data: Mapping[str, TrainingData]) -> Iterator[str]:
    """Yield sizes, classes and repeated texts, and for each encoder the number of training texts that are cut."""
    yield from prepared.description.facts
    max_tokens = prepared.spec.max_tokens
    for encoder, encoded in data.items():
        lengths = encoded.splits["train"].lengths
        num_cut, name = int((lengths > max_tokens).sum()), formatting.shorten_value(encoder)
        if num_cut:
            share = f"{num_cut:,} of {len(lengths):,} texts in train ({num_cut / len(lengths):.1%})"
            yield f"{share} are longer than {max_tokens} tokens of {name}, and are cut"
        else:
            yield f"no text in train is longer than {max_tokens} tokens of {name}"
