"""The text about methods: how the scores of a report came about, for a reader who does not know sweeper."""

from collections.abc import Iterator
from datetime import UTC, datetime

from sweeper.protocol.confirmation import interrupted, pending, trials_to_score
from sweeper.protocol.failed_sweep import count_planned_trials
from sweeper.protocol.search_knowledge import describe_earlier_sweeps, describe_first_settings, describe_race
from sweeper.protocol.search_result import is_search_over
from sweeper.protocol.sweep_summary import describe_failure
from sweeper.reporting.html.report_data import ReportData
from sweeper.search_space.samplers import SAMPLERS
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.registry import AVERAGES
from sweeper.trials.outcome import Outcome
from sweeper.wording import count_noun, format_epoch


def describe_warnings(report: ReportData) -> list[str]:
    """Return the reasons why the scores are not final, if there are any."""
    return [*_warn_if_unfinished(report), *_warn_if_unconfirmed(report), *_warn_if_subsampled(report)]


def _warn_if_unfinished(report: ReportData) -> Iterator[str]:
    if not report.is_finished:
        yield f"This sweep is not finished: {_describe_progress(report)}. The same command continues it."


def _describe_progress(report: ReportData) -> str:
    """Return how far a sweep is that is not finished. Users' clones are not part of its budget."""
    spec, records = report.spec, report.records
    failure = describe_failure(spec, report.results)
    if failure:
        return failure
    if is_search_over(spec, report.results):
        is_confirming = pending(spec, records) or interrupted(records)
        return "confirmation is not complete" if is_confirming else "its last steps are not complete"
    budgeted = [record for record in report.search_records if not record.trial.clone_of]
    num_ended = sum(record.end is not None for record in budgeted)
    planned = count_planned_trials(spec, [trial.is_unsuccessful for trial in report.results.budgeted_trials])
    return f"{num_ended} of {max(planned, len(budgeted))} trials have ended{_describe_open_clones(report)}"


def _describe_open_clones(report: ReportData) -> str:
    """Return how many trials that a user added have not ended, as the end of a clause; "" if there are none."""
    count = sum(bool(record.trial.clone_of) and record.end is None for record in report.search_records)
    return f", but {count_noun(count, 'clone')} {'has' if count == 1 else 'have'} not" if count else ""


def _warn_if_unconfirmed(report: ReportData) -> Iterator[str]:
    if not report.results.confirmations:
        has_test = report.results.test_split is not None
        untested = " The test split was not accessed." if has_test and not report.results.test_accesses else ""
        yield (
            "Nothing is confirmed: these are validation scores of settings that were chosen by these same scores. "
            f"Expect worse scores with fresh seeds, and worse again on a test split.{untested}"
        )


def _warn_if_subsampled(report: ReportData) -> Iterator[str]:
    subsample = report.results.subsample
    if subsample:
        parts = " and ".join(f"{count:,} texts of {split}" for split, count in subsample.items())
        yield f"Only a part of the data was used: {parts}. These scores are for trying things out, not for publication."


def describe_methods(report: ReportData) -> list[str]:
    """Return the protocol, one or two sentences for each step."""
    return [
        _describe_search(report),
        *describe_race(report.spec, report.results),
        *_describe_confirmation(report),
        *_describe_test(report),
        *_describe_repeats(report),
    ]


def _describe_search(report: ReportData) -> str:
    spec = report.spec
    trials = f"{count_noun(len(report.search_records), 'trial')} of up to {count_noun(spec.max_epochs, 'epoch')}"
    stopping = _describe_stopping(spec) if spec.rungs else "there was no early stopping"
    reason = report.results.search.reason if report.results.search else ""
    early = f" It ended before all trials of the budget were run, because {reason}." if reason else ""
    stops, knowledge = _describe_stops_by_user(report), _describe_knowledge(report)
    unseen = " The search never saw the test split." if report.results.test_split else ""
    return (
        f"Search: {trials} in {count_noun(len(report.systems), 'system')}. Each trial was trained on the train split "
        f"and scored on the validation split as it went. Settings came from {SAMPLERS[spec.sampler].label}, and "
        f"{stopping}.{stops} A trial's value is {_describe_value(report)}.{knowledge}{early}{unseen}"
    )


def _describe_stopping(spec: SweepSpec) -> str:
    """Return the epochs at which early stopping decided, as a part of a sentence."""
    rungs = [format_epoch(rung / spec.validations_per_epoch) for rung in spec.rungs]
    epochs = f"{'epoch' if len(rungs) == 1 else 'epochs'} {', '.join(rungs)}"
    if spec.pausing_rungs:
        return f"trials paused after {epochs}, and the best ones of each system continued from there"
    described = f"{spec.early_stopping_label} stopped poor trials after {epochs}"
    if len(spec.brackets) == 1:
        return described
    never = "" if all(spec.brackets.values()) else ", or never did"
    return f"{described}, in {len(spec.brackets)} brackets that began to do so at different epochs{never}"


def _describe_stops_by_user(report: ReportData) -> str:
    """Return a sentence on the trials that a user stopped, with a space before it; "" without any."""
    count = sum(record.end is not None and record.end.is_by_user for record in report.search_records)
    return f" The user stopped {count_noun(count, 'trial')}." if count else ""


def _describe_value(report: ReportData) -> str:
    """Return what the value of a trial is, for `A trial's value is ...`."""
    kinds = {"last" if AVERAGES[str(average)].keeps_last else "best" for average in report.spec.values_of("average")}
    return f"its {' or '.join(sorted(kinds))} {report.spec.objective.metric}"


def _describe_knowledge(report: ReportData) -> str:
    """Return what the sampler had besides the trials of the system, one sentence each with a space before it."""
    sentences = [
        *describe_first_settings(report.spec),
        *_describe_borrowed(report),
        *describe_earlier_sweeps(report.results),
    ]
    return "".join(f" {sentence}" for sentence in sentences)


def _describe_borrowed(report: ReportData) -> Iterator[str]:
    """Yield how many settings were learned from trials of other systems and of earlier sweeps, as a sentence."""
    sources = report.results.learned_from
    borrowed = [record.borrowed for record in report.search_records if record.borrowed]
    if borrowed:
        mean = sum(borrowed) / len(borrowed)
        owners = ["the other systems"] if report.spec.tpe.siblings or not sources else []
        owners += ["earlier sweeps"] if sources else []
        yield (
            f"The settings of {count_noun(len(borrowed), 'trial')} were also learned from trials of "
            f"{' and '.join(owners)}, {mean:.0f} on average, with scores standardised by system"
            f"{' and sweep' if sources else ''}."
        )


def _describe_confirmation(report: ReportData) -> Iterator[str]:
    confirm = report.spec.confirm
    if not confirm.seeds:
        yield "Confirmation: turned off in the search space (confirm: {seeds: 0})."
        return
    settings = "the best setting" if confirm.top == 1 else f"the {confirm.top} best settings"
    weights = " or ".join(AVERAGES[str(average)].weights for average in report.spec.values_of("average"))
    ends = [record.end for record in report.confirmation_records if record.end]
    is_any_lost = any(end.outcome != Outcome.COMPLETED for end in ends)
    exception = "; a setting that lost a seed came after those that lost fewer" if is_any_lost else ""
    best = f" The setting with the best mean over its fresh seeds was chosen{exception}."
    selection = "" if confirm.top == 1 else best
    yield (
        f"Confirmation: {settings} of each system on validation, trained again with "
        f"{count_noun(confirm.seeds, 'fresh seed')} and without early stopping. The weights are {weights}.{selection}"
    )


def _describe_test(report: ReportData) -> Iterator[str]:
    test, accesses = report.results.test_split, report.results.test_accesses
    if test is None:
        yield "Test: this data set has no test split, so all scores are validation scores."
        return
    if not accesses:
        yield f"Test: {test.texts:,} texts, not accessed."
        return
    count = count_noun(len(accesses), "test access", "test accesses")
    repeats = len({access.trial for access in accesses}) < len(accesses)
    scored = "is" if trials_to_score(report.spec, report.records) else "was"
    yield (
        f"Test: {test.texts:,} texts. Each seed of a system's chosen setting that left a model {scored} "
        f"scored{'' if repeats else ' once'}, after the settings were final: {count} in this sweep, from "
        f"{_format_time(accesses[0].at)} to {_format_time(accesses[-1].at)}."
    )
    without_score = len(accesses) - sum(record.test is not None for record in report.confirmation_records)
    if without_score > 0:
        yield (
            f"Of these test accesses, {without_score} left no score here: a scoring that was started again, or "
            "sweeper train --test."
        )
    tested_again = [
        name
        for name, result in zip(report.systems, report.results.systems, strict=True)
        if result.confirmation and result.confirmation.tested_settings > 1
    ]
    if tested_again:
        yield f"Tested again: after the budget grew, another setting was tested of {', '.join(tested_again)}."


def _describe_repeats(report: ReportData) -> Iterator[str]:
    repeated = sum(result.repeated for result in report.results.systems)
    if repeated:
        yield (
            f"Repeats: {count_noun(repeated, 'trial')} ran a setting that had been tried before, with another seed. "
            f"Settings are ranked by their {'shrunk ' if report.spec.race else ''}mean."
        )


def _format_time(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M} UTC"
