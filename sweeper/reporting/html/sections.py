"""All sections of a report, in the order of a reader's interest. A section that has nothing to show says why."""

from collections.abc import Callable, Mapping, Sequence

from sweeper.data.dataset_spec import Task
from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.reporting.html import figure_sections, model_sections, table_sections
from sweeper.reporting.html.early_stopping_section import early_stopping_section
from sweeper.reporting.html.glance import glance_section
from sweeper.reporting.html.html_elements import ReportSection, bullet_list
from sweeper.reporting.html.label_sections import labels_section
from sweeper.reporting.html.methods_text import describe_methods
from sweeper.reporting.html.report_data import ReportData
from sweeper.reporting.html.study_section import study_section
from sweeper.reporting.templates.environment import Html

_MODEL_SECTIONS: Mapping[Task, Sequence[Callable[[ReportData], ReportSection]]] = {
    "single_label": (
        model_sections.classes_section,
        model_sections.confusion_section,
        model_sections.errors_section,
    ),
    "multi_label": (labels_section,),
}
"""The sections about the confirmed models, by task."""


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
        glance_section(report, results_table, importances),
        ReportSection("results", "How the scores came about", [bullet_list(describe_methods(report))]),
        model_sections.optimism_section(report),
        study_section(report),
        figure_sections.importance_section(report, importances),
        figure_sections.slices_section(report),
        figure_sections.pairs_section(report),
        figure_sections.parallel_section(report),
        figure_sections.alpha_tau_section(report),
        figure_sections.expected_best_section(report),
        figure_sections.curves_section(report),
        early_stopping_section(report),
        figure_sections.timeline_section(report),
        *(section(report) for section in _MODEL_SECTIONS[report.results.task]),
        table_sections.outcomes_section(report),
        table_sections.cost_section(report),
        table_sections.trials_section(report),
        table_sections.versions_section(versions, yaml),
    ]
