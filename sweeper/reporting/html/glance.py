"""The first section of a report: what was asked, what won and whether it stands, what it cost, and what mattered."""

from collections.abc import Mapping, Sequence

from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.protocol.system_results import SearchBest
from sweeper.reporting.html.html_elements import ReportSection, fact_list, paragraph
from sweeper.reporting.html.methods_text import describe_warnings
from sweeper.reporting.html.report_data import ReportData, format_page_params, format_page_score, training_hours
from sweeper.reporting.html.timeline import elapsed_hours
from sweeper.reporting.templates.environment import Html
from sweeper.training.config import Scalar
from sweeper.wording import count_noun, format_value

_MAX_MATTERED = 3  # settings that are named
_MAX_NAMED = 6  # systems or values that a sentence names


def glance_section(
    report: ReportData, results_table: Html, importances: Mapping[int, Sequence[Importance]]
) -> ReportSection:
    """Return the answer in a few lines, with the published table below."""
    warnings = [paragraph(warning, css_class="notice") for warning in describe_warnings(report)]
    question = paragraph(_ask_question(report), css_class="lead")
    facts = fact_list(
        [
            *_describe_winner(report),
            ("cost", _describe_cost(report)),
            ("what mattered", _describe_importances(report, importances)),
        ]
    )
    return ReportSection("glance", "At a glance", [question, *warnings, facts, results_table])


def _ask_question(report: ReportData) -> str:
    """Return what the sweep asks, as one sentence."""
    names = list(dict.fromkeys(name for system in report.spec.systems for name in system))
    compared = [
        f"{name} {_enumerate(list(dict.fromkeys(system[name] for system in report.spec.systems if name in system)))}"
        for name in names
    ]
    dataset, count = report.results.dataset, len(report.labels)
    systems = "; ".join(compared) or "all settings searched"
    best, well = f"Which of {len(report.systems)} systems ({systems})", f"How well does one system ({systems})"
    if report.spec.dataset_spec.task == "multi_label":
        labels = f"the labels of the texts of {dataset}"
        end = f"({count_noun(count, 'label')})?"
        return f"{best} finds {labels} best {end}" if len(report.systems) > 1 else f"{well} find {labels} {end}"
    texts, classes = f"the texts of {dataset}", count_noun(count, "class", "classes")
    if len(report.systems) > 1:
        return f"{best} sorts {texts} best into {classes}?"
    return f"{well} sort {texts} into {classes}?"


def _enumerate(values: Sequence[Scalar]) -> str:
    texts = [format_value(value) for value in values]
    if len(texts) > _MAX_NAMED:
        return f"{', '.join(texts[: _MAX_NAMED - 1])} and {len(texts) - _MAX_NAMED + 1} more"
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"


def _describe_winner(report: ReportData) -> Sequence[tuple[str, str]]:
    """Return the lines on the winner; on the best of the search if nothing was confirmed."""
    if report.winner:
        return report.winner
    number = report.results.best_trial
    bests = [system.best for system in report.results.systems if system.best is not None]
    best = next((best for best in bests if best.trial == number), None)
    if best is None:
        return [("winner", "none: no trial with a score has ended")]
    record = next(record for record in report.records if record.trial.number == number)
    name = report.systems[record.trial.system]
    return [
        ("best so far", f"{name}, {report.spec.objective.metric} {_describe_best(best)}"),
        ("setting", f"{format_page_params(best.params)} (trial {best.trial})"),
    ]


def _describe_best(best: SearchBest) -> str:
    """Return the score of a setting in the search, and what it was chosen by."""
    if not best.completed:
        return f"{format_page_score(best.mean)}: no trial completed, and this one came furthest"
    mean = format_page_score(best.mean)
    score = f"{mean} (mean of {best.repeats} seeds)" if best.repeats > 1 else mean
    if best.shrunk_mean is None or format_page_score(best.shrunk_mean) == mean:
        return f"{score}, chosen by this same {'mean' if best.repeats > 1 else 'score'}"
    return f"{score}, chosen in its system by its shrunk mean, {format_page_score(best.shrunk_mean)}"


def _describe_cost(report: ReportData) -> str:
    results, num_confirmed = report.results, len(report.confirmation_records)
    hours = training_hours(results)
    trials = f"{count_noun(len(report.search_records), 'training')} to search"
    seeds = f" and {num_confirmed} to confirm" if num_confirmed else ""
    device = f"{count_noun(results.gpu, 'GPU', form='g')} each" if results.gpu else "without GPU"
    return (
        f"{trials}{seeds}, {device}: {_spell_hours(hours)} of training and validation, "
        f"{_spell_hours(elapsed_hours(report))} from the first start to the last end"
    )


def _spell_hours(hours: float) -> str:
    if hours >= 1:
        return f"{hours:.1f} hours"
    return f"{60 * hours:.1f} minutes" if hours >= 1 / 60 else count_noun(round(3600 * hours), "second")


def _describe_importances(report: ReportData, importances: Mapping[int, Sequence[Importance]]) -> str:
    """Return the hyperparameters that mattered most in the winner's system, with their values in its setting."""
    number = report.results.best_trial
    best = next((record for record in report.records if record.trial.number == number), None)
    of_system = importances.get(best.trial.system, ()) if best else ()
    if best is None or not of_system:
        return "not known: too few trials, or nothing that varies"
    significant = [importance for importance in of_system if importance.share > importance.chance]
    if not significant:
        trials = count_noun(len(report.search_records_of(best.trial.system)), "trial")
        return f"nothing that exceeds chance, in {trials} of the winner's system"
    largest = sorted(significant, key=lambda importance: -importance.share)[:_MAX_MATTERED]
    values = [_describe_value(best.trial.params, importance.hyperparameter) for importance in largest]
    return ", ".join(
        f"{importance.hyperparameter} ({importance.share:.0%} of the difference; {value})"
        for importance, value in zip(largest, values, strict=True)
    )


def _describe_value(params: Mapping[str, Scalar], name: str) -> str:
    """Return the value of a hyperparameter in the winner's setting."""
    if name not in params:
        return "not used"
    return f"winner: {format_page_params({name: params[name]}).removeprefix(name).strip()}"
