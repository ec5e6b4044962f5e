"""The scores of a cell: as the record has them, and else from the stored predictions of its models."""

import math
from collections.abc import Sequence

from sweeper.data.catalog import CATALOG, DATASETS
from sweeper.errors import RecordError
from sweeper.protocol.finished_sweep import FinishedSweep
from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.system_results import SeedResult
from sweeper.protocol.text_scores import any_metric_of
from sweeper.reporting.table.metrics import METRICS, table_metric
from sweeper.training.tasks import metric_fits
from sweeper.wording import count_noun, quote_value

_RESTORE = "restore a copy of the sweep"


def find_scores(source: FinishedSweep, seeds: Sequence[SeedResult], metric: str) -> tuple[dict[int, float], str]:
    """Return the test scores of these seeds by trial, and the reason why some have none; "" if all tested ones have.

    A sweep records the metrics that each validation reports, and that of its objective. Raises RecordError if one of
    these is missing or not possible.
    """
    tested = [seed for seed in seeds if seed.test is not None]
    if reason := _why_undefined(source.results, metric) if tested else "":
        return {}, reason
    score_of_trial = {seed.trial: _score(source, seed, metric) for seed in tested}
    scores = {trial: score for trial, score in score_of_trial.items() if score is not None and math.isfinite(score)}
    if len(scores) == len(tested):
        return scores, ""
    if any(score is not None for trial, score in score_of_trial.items() if trial not in scores):
        return scores, "it is undefined for these predictions"
    return scores, f"predictions {'on validation ' if table_metric(metric).definition.is_rescaled else ''}are missing"


def _why_undefined(results: SweepResults, metric: str) -> str:
    """Return the reason why a metric cannot be had of a data set; "" if it can."""
    definition = table_metric(metric).definition
    if not metric_fits(definition, results.task):
        fitting = [name for name, other in METRICS.items() if metric_fits(other.definition, results.task)]
        return f"it is no metric of task: {results.task}, allowed: {', '.join(fitting)}"
    if definition.class_name is not None and definition.class_name not in results.labels:
        return f"its data set has no class {quote_value(definition.class_name)}"
    if definition.is_ordered and not has_ordered_classes(results):
        return "its classes have no order; dataset.label_order gives them one"
    counts = results.class_counts.get("test", {})
    absent = [name for name, texts in counts.items() if not texts]
    if definition.needs_every_class and absent:
        more = f" and {count_noun(len(absent) - 1, 'more class', 'more classes', form=',')}" if len(absent) > 1 else ""
        return f"it is undefined, because the test split has no text of {quote_value(absent[0])}{more}"
    return ""


def has_ordered_classes(results: SweepResults) -> bool:
    """Return True if the classes are in the order of a scale, also for results from before they said so."""
    catalog_spec = DATASETS.get(results.dataset) if results.source == CATALOG else None
    has_catalog_order = catalog_spec is not None and catalog_spec.label_order == tuple(results.labels)
    return results.ordered_classes or has_catalog_order


def _score(source: FinishedSweep, seed: SeedResult, metric: str) -> float | None:
    recorded, definition = (seed.test or {}).get(f"test/{metric}"), table_metric(metric).definition
    if recorded is not None:
        _require_possible(source.results, seed, metric, recorded)
        return recorded
    if definition.is_reported and definition.function is not None:
        where = f"{source.results.sweep}: trial {seed.trial}"
        raise RecordError(f"{where} has no test/{metric}, which every sweep records; {_RESTORE}")
    if seed.trial not in source.predictions:
        return None
    validation = source.validation.get(seed.trial) if definition.is_rescaled else None
    return any_metric_of(source.predictions[seed.trial], metric, source.results.labels, validation)


def _require_possible(results: SweepResults, seed: SeedResult, metric: str, score: float) -> None:
    if table_metric(metric).definition.is_share and not 0 <= score <= 1:
        rule = f"has test/{metric} {score}, which must be a share from 0 to 1"
        raise RecordError(f"{results.sweep}: trial {seed.trial} {rule}; {_RESTORE}")
