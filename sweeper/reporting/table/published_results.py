"""The papers' figures, no behaviour: test accuracies in percent as they were printed, by data set of the catalog.

A reader sees them beside our own, and no more than that: other hands, other trainings, and one paper's figures are the
best of several runs on the test split.
"""

from collections.abc import Mapping
from dataclasses import dataclass

FIRST = "Suresh & Ong (2021)"
SECOND = "Modarres & Raeisi"

PAPERS: Mapping[str, str] = {
    FIRST: "“Not All Negatives are Equal”, mean and standard deviation of 5 seeds",
    SECOND: "“Happy is Farther From Sad Than Joyful”, the best of several runs by their test accuracy",
}

# What a reader must know of their figures on a data set, by the data set.
REMARKS: Mapping[str, str] = {
    "emoint": "33.1 and 34.2 on emoint are hardly above its most frequent class (31.7 %): these trainings collapsed",
}


@dataclass(frozen=True)
class PublishedScore:
    """A printed accuracy in percent, with standard deviation and number of seeds where the paper has them."""

    mean: float
    sd: float | None = None
    seeds: int | None = None


@dataclass(frozen=True)
class PublishedRow:
    """One row of a paper's tables: the encoder as it calls it, and the loss as we do."""

    paper: str
    encoder: str
    loss: str
    scores: Mapping[str, PublishedScore]


def _best(**figures: float) -> dict[str, PublishedScore]:
    return {dataset: PublishedScore(mean) for dataset, mean in figures.items()}


def _of_five(**figures: tuple[float, float]) -> dict[str, PublishedScore]:
    return {dataset: PublishedScore(mean, sd, 5) for dataset, (mean, sd) in figures.items()}


# ISEAR, 72.4 in the first paper, is no data set of the catalog.
PUBLISHED_ROWS: tuple[PublishedRow, ...] = (
    PublishedRow(
        *(FIRST, "ELECTRA-base", "lcl"),
        _of_five(
            empathetic_dialogues=(60.1, 0.3),
            goemotions_single=(65.5, 0.2),
            emoint=(86.6, 0.3),
            sst5=(58.5, 0.2),
            sst2=(94.5, 0.1),
        ),
    ),
    # section 4, in the text
    PublishedRow(SECOND, "RNN", "ce", _best(empathetic_dialogues=25)),
    PublishedRow(SECOND, "GRU", "ce", _best(empathetic_dialogues=30)),
    PublishedRow(SECOND, "BERT-base, cased", "ce", _best(sst5=50)),
    # tables 1 and 2; ParsiNLU's with a multilingual BERT, as the text says
    PublishedRow(
        *(SECOND, "BERT-base", "ce"),
        _best(
            empathetic_dialogues=55,
            goemotions=60.2,
            emoint=85,
            sst5=52.5,
            sst2=93.5,
            ag_news=94.5,
            twitter_sentiment=84.2,
        ),
    ),
    PublishedRow(SECOND, "mBERT", "ce", _best(parsinlu=76)),
    PublishedRow(SECOND, "mBERT", "lcl", _best(parsinlu=76)),
    PublishedRow(SECOND, "ELECTRA-base", "ce", _best(empathetic_dialogues=56.4, sst5=55.6, sst2=94.5)),
    PublishedRow(
        *(SECOND, "ELECTRA-base", "scl"),
        _best(empathetic_dialogues=56.8, goemotions=56.8, emoint=33.1, sst5=58.3, sst2=94.8),
    ),
    PublishedRow(
        *(SECOND, "ELECTRA-base", "lcl"),
        _best(
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
