"""All sections of a report, in the order of a reader's interest. A section that has nothing to show says why."""

from collections.abc import Mapping, Sequence

from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.reporting.html import figure_sections, model_sections, table_sections
from sweeper.reporting.html.html_elements import ReportSection, bullet_list, paragraph
from sweeper.reporting.html.methods_text import describe_methods, describe_warnings
from sweeper.reporting.html.report_data import ReportData
from sweeper.reporting.templates.environment import Html


def build_sections(
    report: ReportData,
    results_table: Html,
    importances: Mapping[int, Sequence[Importance]],
    versions: Mapping[str, str],
    yaml: str,
) -> list[ReportSection]:
    """Return all sections of a report.

    `importances` are by index of the system, as far as known. `versions` are versions and revisions by name, and `yaml`
    is the search space with its defaults.
    """
    return [
        _results_section(report, results_table),
        model_sections.optimism_section(report),
        figure_sections.parallel_section(report),
        figure_sections.importance_section(report, importances),
        figure_sections.alpha_tau_section(report),
        figure_sections.curves_section(report),
        figure_sections.timeline_section(report),
        figure_sections.expected_best_section(report),
        model_sections.confusion_section(report),
        model_sections.errors_section(report),
        table_sections.outcomes_section(report),
        table_sections.cost_section(report),
        table_sections.trials_section(report),
        table_sections.versions_section(versions, yaml),
    ]


def _results_section(report: ReportData, results_table: Html) -> ReportSection:
    warnings = [paragraph(warning, css_class="notice") for warning in describe_warnings(report)]
    methods = bullet_list(describe_methods(report))
    return ReportSection("results", "Results", [*warnings, results_table, methods])
