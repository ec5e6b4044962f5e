"""The lines that a sweep prints before it starts: what it runs, its data, and what this machine gives its trials."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sweeper.app.prepare_data import PreparedSweep
from sweeper.terminal import formatting
from sweeper.terminal.output import Output
from sweeper.training.types import TrainingData
from sweeper.trials.resources import TrialResources

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
    line = output.line
    line(f"{name}: {formatting.describe_spec(prepared.spec)}", style="bold")
    known = len(study.all_trials())
    if known:
        line(f"  continues: {known} trials are in the record")
    if resources.note:
        line(f"  {resources.note}; {resources.slots} at a time")
    if not resources.gpu and prepared.spec.budget.gpu_hours_limit is not None:
        line("  no GPU here: budget.gpu_hours and budget.cost count nothing; budget.hours does")
    for fact in data_facts(prepared, data):
        line(f"  {fact}")
    if is_remote:
        line(f"  the cluster has room for {resources.slots} trials at a time")
    if study.truncated_bytes:
        line(f"  the record ended in {study.truncated_bytes} bytes of a half-written line, which were dropped")


def data_facts(prepared: PreparedSweep, data: Mapping[str, TrainingData]) -> Iterator[str]:
    """Yield sizes, classes and repeated texts, and for each encoder the number of training texts that are cut."""
    yield from prepared.description.facts
    max_tokens = prepared.spec.max_tokens
    for encoder, encoded in data.items():
        lengths = encoded.splits["train"].lengths
        cut, name = int((lengths > max_tokens).sum()), formatting.shorten_value(encoder)
        if cut:
            share = f"{cut:,} of {len(lengths):,} texts in train ({cut / len(lengths):.1%})"
            yield f"{share} are longer than {max_tokens} tokens of {name}, and are cut"
        else:
            yield f"no text in train is longer than {max_tokens} tokens of {name}"
