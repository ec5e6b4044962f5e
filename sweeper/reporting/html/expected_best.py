"""The expected best score of a search with fewer trials, which shows whether the budget was large enough."""

from collections.abc import Sequence

import numpy as np

from sweeper.reporting.html.figure_data import ExpectedBestCurve, ExpectedBestFigure
from sweeper.reporting.html.report_data import ReportData
from sweeper.reporting.html.search_figures import known_scores


def build_expected_best(report: ReportData) -> ExpectedBestFigure:
    """Return the expected best score of each system by number of trials.

    An ended trial without a score counts as the worst. A system without any score is left out. Further seeds of a race
    and users' clones were not drawn by the search, and do not count.
    """
    curves = []
    for system, name in enumerate(report.systems):
        ended_records = [record for record in report.search_records_of(system) if record.end is not None]
        drawn_records = [record for record in ended_records if not (record.trial.race_of or record.trial.clone_of)]
        scores = [report.score(record) for record in drawn_records]
        finite_scores = known_scores(scores)
        if finite_scores:
            worst = min(finite_scores) if report.higher_is_better else max(finite_scores)
            filled_scores = [worst if score is None else score for score in scores]
            curves.append(ExpectedBestCurve(name, expected_best(filled_scores, report.spec.objective.sign)))
    return ExpectedBestFigure(report.spec.objective.metric, curves)


def expected_best(scores: Sequence[float], sign: int = 1) -> list[float]:
    """Return the expected best of n of these N scores, drawn with replacement, for n = 1 … N.

    With `sign` -1, lower scores are better.

    For scores in order, v_1 <= … <= v_N, P(best of n <= v_i) = (i / N)^n, and so

        E[best of n] = sum over i of v_i · ((i / N)^n - ((i - 1) / N)^n)

    Dodge et al., "Show Your Work: Improved Reporting of Experimental Results", EMNLP 2019, equations 2 to 4. The
    formula assumes random trials. It holds only roughly for trials that a sampler chose or that were stopped early.
    """
    values = np.sort(sign * np.asarray(scores, dtype=float))
    shares = np.arange(len(values) + 1) / len(values)  # (N + 1,)
    return [sign * float(values @ np.diff(shares**n)) for n in range(1, len(values) + 1)]
