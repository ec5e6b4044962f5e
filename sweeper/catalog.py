"""Facts, no behaviour: the data sets and encoders that sweeper knows by name. A new data set is one entry here."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Dataset:
    """Where a data set lives on the hub, and which of its columns are text and label.

    `labels` are the class names in the order of the label column's numbers. `splits` maps our names to the hub's.
    """

    name: str
    repository: str
    labels: tuple[str, ...]
    about: str
    text: str = "text"
    label: str = "label"
    revision: str = "main"
    splits: Mapping[str, str] = field(
        default_factory=lambda: {"train": "train", "validation": "validation", "test": "test"}
    )


DATASETS: Mapping[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            name="sst5",
            repository="SetFit/sst5",
            labels=("very negative", "negative", "neutral", "positive", "very positive"),
            about="Stanford Sentiment Treebank, sentences of film reviews in five grades",
        ),
        Dataset(
            name="sst2",
            repository="SetFit/sst2",
            labels=("negative", "positive"),
            about="Stanford Sentiment Treebank, whole sentences without the neutral ones",
        ),
    )
}

# Offered as the nearest name when an encoder is misspelt; any encoder of the hub or a local folder works.
ENCODERS: tuple[str, ...] = (
    "google/electra-base-discriminator",
    "google-bert/bert-base-uncased",
    "google-bert/bert-base-multilingual-cased",
    "sentence-transformers/all-MiniLM-L6-v2",
)
