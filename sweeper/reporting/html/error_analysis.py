"""What the winner's models answered: which classes they confuse, and where they are sure and wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from sweeper.protocol.sweep_results import SeedResult
from sweeper.reporting.html.figure_data import ClassWeightsFigure, ConfusionFigure
from sweeper.reporting.html.report_data import ReportData
from sweeper.training.types import Predictions

T = TypeVar("T")


@dataclass(frozen=True)
class Misclassification:
    """A text that a model took for another class: `row` from 0 in its split, and the probability it gave that class."""

    row: int
    true: str
    taken: str
    probability: float


def confusion_figure(labels: Sequence[str], answers: Sequence[Predictions], title: str) -> ConfusionFigure:
    """How often each class was taken for each, summed over models."""
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for one in answers:
        np.add.at(counts, (one.labels, one.classes), 1)
    return ConfusionFigure(labels, counts, title)


def confident_errors(labels: Sequence[str], answers: Predictions, most: int) -> list[Misclassification]:
    """The texts that a model is wrong about, the surest first, `most` of them; of equals, in the split's order."""
    taken, surest = answers.classes, answers.probabilities.max(axis=1)
    wrong = np.flatnonzero(taken != answers.labels)
    order = wrong[np.argsort(-surest[wrong], kind="stable")][:most]
    return [Misclassification(int(k), labels[answers.labels[k]], labels[taken[k]], float(surest[k])) for k in order]


def class_weights_figure(subject: ReportData) -> list[ClassWeightsFigure]:
    """The weights that LCL learned between classes, for each cell that has some: the mean over its fresh seeds."""
    found = []
    for system, name in enumerate(subject.systems):
        own = of_seeds(subject.seeds(system), subject.answered.weights)
        if own:
            found.append(ClassWeightsFigure(subject.labels, np.mean(list(own.values()), axis=0), name))
    return found


def of_seeds(seeds: Sequence[SeedResult], kept: Mapping[int, T]) -> dict[int, T]:
    """What was kept of these seeds' models, by trial."""
    return {seed.trial: kept[seed.trial] for seed in seeds if seed.trial in kept}
