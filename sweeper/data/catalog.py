"""The data sets that sweeper knows by name. To add one, add an entry to DATASETS; nothing else has to change.

preprocessing.py does what an entry says. Sizes and majority shares were counted on the prepared rows. If a data set
could not be downloaded for that, they are taken from its page on the hub, or left out.
"""

from collections.abc import Mapping

from sweeper.data.dataset_spec import DatasetSpec

CATALOG = "catalog"  # the source of the rows of a data set that is named here
PARQUET_REVISION = "refs/convert/parquet"  # the hub's branch of converted files, for data sets with a loading script


def classes_by_index(*names: str) -> dict[str, str]:
    """Return the classes of a label column that holds numbers: name by number, as text, from 0."""
    return {str(number): name for number, name in enumerate(names)}


def classes_by_name(*names: str) -> dict[str, str]:
    """Return the classes of a label column that holds the class names themselves."""
    return {name: name for name in names}


_GRADES = ("very negative", "negative", "neutral", "positive", "very positive")
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
            classes=classes_by_index(*_GRADES),
            label_order=_GRADES,
            description="Stanford Sentiment Treebank: sentences from film reviews, in five grades",
            licence="not stated on its page",
            sizes=(8_544, 1_101, 2_210),
            majority=0.286,
        ),
        DatasetSpec(
            name="sst2",
            repository="SetFit/sst2",
            classes=classes_by_index("negative", "positive"),
            description="Stanford Sentiment Treebank: whole sentences, without the neutral ones",
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
            description="Reddit comments in 27 emotions; the first label of each, as in the second paper",
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
            description="Reddit comments in 27 emotions; only those with one label, as in the first paper",
            licence="Apache-2.0",
            sizes=(23_485, 2_956, 2_984),
            majority=0.117,
        ),
        DatasetSpec(
            name="goemotions_multilabel",
            repository="google-research-datasets/go_emotions",
            config="simplified",
            label="labels",
            task="multi_label",
            classes=_EMOTIONS,
            description="Reddit comments with any number of 27 emotions and neutral, as its authors publish them",
            licence="Apache-2.0",
            sizes=(43_410, 5_426, 5_427),
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
            description="descriptions of a situation, in 32 emotions; one row for each conversation",
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
            description="Persian reviews by overall judgement; trained on food and films, tested on films. The "
            "seventh label, -3 (no judgement), does not occur in overall judgements",
            licence="CC-BY-NC-SA-4.0",
        ),
        DatasetSpec(
            name="ag_news",
            repository="fancyzhx/ag_news",
            classes=classes_by_index("World", "Sports", "Business", "Sci/Tech"),
            splits={"train": "train", "test": "test"},
            description="news on four subjects; no validation split of its own",
            licence="unknown, according to its page",
            majority=0.25,
        ),
    )
}
