"""The published scores: test accuracies in percent as the papers print them, by data set of the catalog.

The table shows them beside ours and does not compare them: they come from other code and other trainings, and one paper
reports the best of several runs by their test accuracy.
"""

from collections.abc import Mapping
from dataclasses import dataclass

PUBLISHED_METRIC = "accuracy"
SURESH_ONG = "Suresh & Ong (2021)"
MODARRES_RAEISI = "Modarres & Raeisi"

PAPERS: Mapping[str, str] = {
    SURESH_ONG: "“Not All Negatives are Equal”, mean and standard deviation of 5 seeds",
    MODARRES_RAEISI: "“Happy is Farther From Sad Than Joyful”, the best of several runs by their test accuracy",
}

# Notes about the published scores on a data set, by data set.
REMARKS: Mapping[str, str] = {
    "emoint": "33.1 and 34.2 on emoint are hardly above its largest class (31.7 %): these trainings collapsed",
}


@dataclass(frozen=True)
class PublishedScore:
    """A printed accuracy in percent, with its standard deviation and number of seeds if the paper states them."""

    mean: float
    sd: float | None = None
    seeds: int | None = None


@dataclass(frozen=True)
class PublishedRow:
    """One row of a paper's tables: the encoder as the paper names it, and the loss as we name it."""

    paper: str
    encoder: str
    loss: str
    scores: Mapping[str, PublishedScore]


def _best_run(**accuracies: float) -> dict[str, PublishedScore]:
    return {dataset: PublishedScore(mean) for dataset, mean in accuracies.items()}


def _five_seeds(**accuracies: tuple[float, float]) -> dict[str, PublishedScore]:
    return {dataset: PublishedScore(mean, sd, 5) for dataset, (mean, sd) in accuracies.items()}


# The first paper also has ISEAR (72.4), which is not in the catalog.
PUBLISHED_ROWS: tuple[PublishedRow, ...] = (
    PublishedRow(
        *(SURESH_ONG, "ELECTRA-base", "lcl"),
        _five_seeds(
            empathetic_dialogues=(60.1, 0.3),
            goemotions_single=(65.5, 0.2),
            emoint=(86.6, 0.3),
            sst5=(58.5, 0.2),
            sst2=(94.5, 0.1),
        ),
    ),
    # from the text of section 4
    PublishedRow(MODARRES_RAEISI, "RNN", "ce", _best_run(empathetic_dialogues=25)),
    PublishedRow(MODARRES_RAEISI, "GRU", "ce", _best_run(empathetic_dialogues=30)),
    PublishedRow(MODARRES_RAEISI, "BERT-base, cased", "ce", _best_run(sst5=50)),
    # from tables 1 and 2; the scores of ParsiNLU are of a multilingual BERT, according to the text
    PublishedRow(
        *(MODARRES_RAEISI, "BERT-base", "ce"),
        _best_run(
            empathetic_dialogues=55,
            goemotions=60.2,
            emoint=85,
            sst5=52.5,
            sst2=93.5,
            ag_news=94.5,
            twitter_sentiment=84.2,
        ),
    ),
    PublishedRow(MODARRES_RAEISI, "mBERT", "ce", _best_run(parsinlu=76)),
    PublishedRow(MODARRES_RAEISI, "mBERT", "lcl", _best_run(parsinlu=76)),
    PublishedRow(MODARRES_RAEISI, "ELECTRA-base", "ce", _best_run(empathetic_dialogues=56.4, sst5=55.6, sst2=94.5)),
    PublishedRow(
        *(MODARRES_RAEISI, "ELECTRA-base", "scl"),
        _best_run(empathetic_dialogues=56.8, goemotions=56.8, emoint=33.1, sst5=58.3, sst2=94.8),
    ),
    PublishedRow(
        *(MODARRES_RAEISI, "ELECTRA-base", "lcl"),
        _best_run(
            empathetic_dialogues=57.7,
            goemotions=64.1,
            emoint=34.2,
            sst5=57.1,
            sst2=94.8,
            ag_news=94.7,
            twitter_sentiment=85.7,
        ),
    ),
)
