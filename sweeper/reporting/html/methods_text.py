"""How the figures came about, in words: a reader who does not know sweeper can judge them by these."""

from collections.abc import Iterator
from datetime import UTC, datetime

from sweeper.reporting.html.report_data import ReportData
from sweeper.search_space.samplers import SAMPLERS
from sweeper.trials.outcome import Outcome


def warnings(subject: ReportData) -> list[str]:
    """What keeps the figures from being final, if anything does."""
    return [*_unfinished(subject), *_unconfirmed(subject), *_limited(subject)]


def _unfinished(subject: ReportData) -> Iterator[str]:
    if not subject.finished:
        ended = sum(one.end is not None for one in subject.searched)
        planned = sum(subject.spec.trial_budget(system) for system in range(len(subject.systems)))
        how_far = f"{ended} of {planned} trials have ended" if ended < planned else "not everything is confirmed yet"
        yield f"This sweep is not finished: {how_far}. The same command goes on with it."


def _unconfirmed(subject: ReportData) -> Iterator[str]:
    if not subject.results.confirmations:
        unopened = "" if subject.results.test_accesses else " The test split was not opened."
        yield (
            "Nothing is confirmed: these are validation scores of settings that were chosen by those very scores, so "
            f"expect less of a fresh seed, and less again on a test split.{unopened}"
        )


def _limited(subject: ReportData) -> Iterator[str]:
    limited = subject.results.subsample
    if limited:
        parts = " and ".join(f"{count:,} texts of {split}" for split, count in limited.items())
        yield f"Only a part of the data was used: {parts}. These are figures of a try, not a result."


def methods(subject: ReportData) -> list[str]:
    """The protocol, a sentence or two for each of its steps."""
    return [_search(subject), *_confirmation(subject), *_test(subject), *_repeats(subject)]


def _search(subject: ReportData) -> str:
    spec = subject.spec
    trials = (
        f"{len(subject.searched)} trials of up to {spec.max_epochs} epochs in {_plural(len(subject.systems), 'cell')}"
    )
    rungs = ", ".join(f"{rung / spec.validations_per_epoch:g}" for rung in spec.rungs)
    stops = (
        f"{spec.early_stopping_label} stopped the poorer ones after epochs {rungs}"
        if rungs
        else "none was stopped early"
    )
    how = f"settings came from {SAMPLERS[spec.sampler].label}, and {stops}"
    return (
        f"Search: {trials}, each trained on the train split and scored on the validation split as it went; "
        f"{how}. A trial's value is its best {spec.objective.metric}. The search never saw the test split."
    )


def _confirmation(subject: ReportData) -> Iterator[str]:
    confirm = subject.spec.confirm
    if not confirm.seeds:
        yield "Confirmation: turned off in the search space (confirm: {seeds: 0})."
        return
    settings = "best setting" if confirm.top == 1 else f"{confirm.top} best settings"
    decided = "" if confirm.top == 1 else " The setting with the best mean over its fresh seeds won."
    yield (
        f"Confirmation: the {settings} of each cell by validation, trained again with "
        f"{_plural(confirm.seeds, 'fresh seed')} and without early stopping; the epoch is the best one on validation."
        f"{decided}"
    )


def _test(subject: ReportData) -> Iterator[str]:
    test, test_accesses = subject.results.test_split, subject.results.test_accesses
    if test is None:
        yield "Test: this data set has no test split, so the figures are those of validation."
        return
    if not test_accesses:
        yield f"Test: {test.texts:,} texts, not opened."
        return
    yield (
        f"Test: {test.texts:,} texts, opened when the winners were decided, and scored once for each of their "
        f"seeds: {_plural(len(test_accesses), 'look')} in this sweep, from {_when(test_accesses[0].at)} to {_when(test_accesses[-1].at)}."
    )
    more = len(test_accesses) - sum(one.test is not None for one in subject.confirming)
    if more > 0:
        yield f"Of these looks, {more} gave no figure here: a scoring that was begun again, or sweeper train --test."
    again = [
        subject.systems[system]
        for system, result in enumerate(subject.results.systems)
        if result.confirmation and result.confirmation.tested_settings > 1
    ]
    if again:
        yield f"A second look: after the budget grew, another setting was tested of {', '.join(again)}."


def _repeats(subject: ReportData) -> Iterator[str]:
    repeated = sum(result.repeated for result in subject.results.systems)
    if repeated:
        yield (
            f"Repeats: {_plural(repeated, 'trial')} ran a setting that was tried before, with another seed; settings "
            "are ranked by their mean."
        )


def endings(subject: ReportData) -> list[tuple[str, str, str, str]]:
    """What did not end well: trial, cell, how it ended, why."""
    found = []
    for one in subject.recorded:
        if one.end is None or not one.end.outcome.is_healthy:
            outcome = one.end.outcome.label if one.end else "not ended"
            reason = one.end.reason if one.end else "it was cut off, or runs; the same command goes on with it"
            found.append((str(one.trial.number), subject.systems[one.trial.system], outcome, reason))
    return found


def counts(subject: ReportData) -> str:
    """How the trials of the search ended, in a line."""
    outcomes = [one.end.outcome if one.end else None for one in subject.searched]
    known = [outcome for outcome in (*Outcome, None) if outcome in outcomes]
    return ", ".join(f"{outcomes.count(outcome)} {outcome.label if outcome else 'not ended'}" for outcome in known)


def _when(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
