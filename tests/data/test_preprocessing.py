"""From published tables to rows: every data set's ways, and no row that goes in silence."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from sweeper.data.catalog import DATASETS, DatasetSpec
from sweeper.data.preprocessing import OnBadRows, content_digest, prepare, stratified_subset
from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError

OWN = DatasetSpec(name="own", files={"train": "a.jsonl"}, text=("review",), label="sentiment")


def table(*rows: Mapping[str, Any], name: str = "a.jsonl", broken: tuple[str, ...] = ()) -> RawTable:
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    return RawTable(name, columns, [(f"{name}:{k + 1}", row) for k, row in enumerate(rows)], broken)


def reviews(*pairs: tuple[Any, Any], **options: Any) -> RawTable:
    return table(*({"review": text, "sentiment": label} for text, label in pairs), **options)


FINE = reviews(("good film", "up"), ("bad film", "down"), ("poor film", "down"))


def test_labels_are_those_of_the_training_split_in_its_order() -> None:
    corpus = prepare(OWN, {"train": FINE, "validation": reviews(("dull", "down"), ("fine", "up"))})
    assert corpus.labels == ("up", "down")
    assert corpus.splits["train"].labels.tolist() == [0, 1, 1]
    assert corpus.splits["validation"].labels.tolist() == [1, 0]
    assert corpus.notes == ()


def test_labels_may_be_numbers_and_3_is_3_point_0() -> None:
    corpus = prepare(
        OWN, {"train": reviews(("a", 3), ("b", 1), ("c", 3.0)), "validation": reviews(("d", "1"), ("e", "3.0"))}
    )
    assert corpus.labels == ("3", "1")
    assert corpus.splits["validation"].labels.tolist() == [1, 0]


BAD: dict[str, tuple[RawTable, str]] = {
    "no text": (reviews(("a", "up"), ("", "up"), ("b", "down")), "a.jsonl:2: no text in review"),
    "text of spaces": (reviews(("a", "up"), ("  ", "up"), ("b", "down")), "a.jsonl:2: no text in review"),
    "null text": (reviews(("a", "up"), (None, "up"), ("b", "down")), "a.jsonl:2: no text in review"),
    "no label": (reviews(("a", "up"), ("c", None), ("b", "down")), "a.jsonl:2: no label in sentiment"),
    "label of nothing": (reviews(("a", "up"), ("c", ""), ("b", "down")), "a.jsonl:2: no label in sentiment"),
    "not a number": (reviews(("a", "up"), ("c", float("nan")), ("b", "down")), "a.jsonl:2: no label in sentiment"),
    "several labels": (reviews(("a", "up"), ("c", ["up", "down"]), ("b", "down")), "a.jsonl:2: several labels"),
    "half a surrogate pair": (reviews(("a", "up"), ("c \ud83d", "up"), ("b", "down")), "a.jsonl:2: not UTF-8"),
    "a list for a text": (
        reviews(("a", "up"), (["x"], "up"), ("b", "down")),
        "a.jsonl:2: a list or a mapping for a text",
    ),
    "unreadable": (reviews(("a", "up"), ("b", "down"), broken=("a.jsonl:3: not UTF-8",)), "a.jsonl:3: not UTF-8"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_refused_by_its_place_or_dropped_and_told(case: str) -> None:
    bad, line = BAD[case]
    tables = {"train": bad, "validation": FINE}
    with pytest.raises(UnavailableError) as caught:
        prepare(OWN, tables)
    first, second = str(caught.value).splitlines()
    assert first == "data set own: 1 rows cannot be used; mend them, or set on_bad_rows: drop"
    assert second.startswith(line)
    corpus = prepare(OWN, tables, "drop")
    assert corpus.splits["train"].texts == ["a", "b"]
    assert corpus.notes[0].startswith(f"1 rows of own cannot be used and are dropped, the first {line}")


def test_a_test_split_without_labels_is_left_out_and_that_is_told() -> None:
    tables = {"train": FINE, "validation": FINE, "test": reviews(("x", None), ("y", None))}
    corpus = prepare(OWN, tables)
    assert set(corpus.splits) == {"train", "validation"}
    assert "the test split has no labels, and is left out" in corpus.notes
    with pytest.raises(UnavailableError, match="no label in sentiment"):
        prepare(OWN, {**tables, "test": reviews(("x", None), ("y", "up"))})


def test_a_label_that_training_does_not_have_is_bad_elsewhere() -> None:
    tables = {"train": FINE, "validation": reviews(("x", "up"), ("y", "sideways"))}
    with pytest.raises(UnavailableError, match="a label that the training split does not have, got sideways"):
        prepare(OWN, tables)
    assert prepare(OWN, tables, "drop").splits["validation"].texts == ["x"]


def test_many_bad_rows_are_counted_and_the_first_are_named() -> None:
    with pytest.raises(UnavailableError) as caught:
        prepare(OWN, {"train": reviews(*[("", "up")] * 9, ("a", "up"), ("b", "down"))})
    lines = str(caught.value).splitlines()
    assert "9 rows cannot be used" in lines[0]
    assert len(lines) == 7
    assert lines[-1] == "and 4 more"


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"train": table({"text": "a", "sentiment": "up"})}, "a.jsonl needs a column review, allowed: text, sentiment"),
        ({"train": reviews(("a", "up"), ("b", "up"))}, "needs two classes at least, got [up]"),
        ({"train": FINE, "validation": reviews(("", "up"))}, "no row is left in validation"),
    ],
)
@pytest.mark.parametrize("how", ["drop"])
def test_what_no_training_could_use_is_refused(tables: dict[str, RawTable], says: str, how: OnBadRows) -> None:
    with pytest.raises(UnavailableError) as caught:
        prepare(OWN, tables, how)
    assert says in str(caught.value)


def many(*sizes: tuple[str, int]) -> RawTable:
    return reviews(*[(f"{label} {k}", label) for label, size in sizes for k in range(size)])


def test_without_a_validation_split_a_tenth_of_each_class_is_it_always_the_same() -> None:
    tables = {"train": many(("up", 100), ("down", 40), ("rare", 3)), "test": many(("up", 5), ("down", 5))}
    corpus, again = prepare(OWN, tables), prepare(OWN, tables)
    held = corpus.splits["validation"]
    assert Counter(corpus.labels[label] for label in held.labels) == {"up": 10, "down": 4, "rare": 1}
    assert set(held.texts).isdisjoint(corpus.splits["train"].texts)
    assert len(held) + len(corpus.splits["train"]) == 143
    assert again.splits["validation"].texts == held.texts
    assert len(corpus.splits["test"]) == 10
    assert "no validation split of its own: 15 of the training texts are it" in corpus.notes


def test_a_part_has_every_class_with_its_share_in_the_rows_order() -> None:
    rows = prepare(OWN, {"train": many(("up", 60), ("down", 30), ("rare", 10))}).splits["train"]
    few = stratified_subset(rows, 9)
    assert Counter(few.labels.tolist()) == {0: 5, 1: 3, 2: 1}
    assert [rows.texts.index(text) for text in few.texts] == sorted(rows.texts.index(text) for text in few.texts)
    assert stratified_subset(rows, 9).texts == few.texts
    assert few.labels.tolist() == [rows.labels[rows.texts.index(text)] for text in few.texts]
    assert stratified_subset(rows, 1000) is stratified_subset(rows, None) is rows
    assert len(stratified_subset(rows, 50)) == 50


def test_texts_in_several_splits_and_with_two_labels_are_told_and_kept() -> None:
    train = reviews(("One  film", "up"), ("two", "down"), ("three", "up"), ("three", "down"))
    corpus = prepare(OWN, {"train": train, "validation": reviews(("one FILM", "up")), "test": reviews(("Two", "up"))})
    assert corpus.notes == (
        "texts that stand in several splits, and stay there: 1 in train and validation, 1 in train and test",
        "texts with more than one label, kept with each: 2",
    )
    assert len(corpus.splits["train"]) == 4


def test_two_text_columns_are_a_pair() -> None:
    pairs = DatasetSpec(name="pairs", files={"train": "x"}, text=("premise", "claim"), label="y")
    rows = [{"premise": "a", "claim": "b", "y": 0}, {"premise": "c", "claim": "d", "y": 1}]
    corpus = prepare(pairs, {"train": table(*rows), "validation": table(*rows)})
    assert corpus.splits["train"].texts == ["a", "c"]
    assert corpus.splits["train"].pairs == ["b", "d"]
    with pytest.raises(UnavailableError, match="no text in claim"):
        prepare(pairs, {"train": table(*rows, {"premise": "e", "claim": "", "y": 1}), "validation": table(*rows)})


def test_the_digest_is_of_texts_labels_and_order() -> None:
    def of(*pairs: tuple[str, str]) -> str:
        return content_digest(prepare(OWN, {"train": reviews(*pairs), "validation": FINE}))

    base = of(("a", "up"), ("b", "down"))
    assert of(("a", "up"), ("b", "down")) == base
    assert (
        len({base, of(("a", "up"), ("c", "down")), of(("b", "down"), ("a", "up")), of(("a", "down"), ("b", "up"))}) == 4
    )


# ---- the ways of the catalog's data sets, on rows of the shape that their pages show


def catalogued(name: str, **rows: list[dict[str, Any]]) -> dict[str, list[tuple[str, str]]]:
    """Text and class of the rows of each split."""
    corpus = prepare(DATASETS[name], {split: table(*found) for split, found in rows.items()})
    return {
        split: [(text, corpus.labels[label]) for text, label in zip(kept.texts, kept.labels, strict=True)]
        for split, kept in corpus.splits.items()
    }


EMOTIONS = [
    {"text": "ok", "labels": [27], "id": "1"},
    {"text": "two of them", "labels": [2, 27], "id": "2"},
    {"text": "wow", "labels": [26], "id": "3"},
    {"text": "neutral first", "labels": [27, 2], "id": "4"},
    {"text": "so", "labels": [17, 18], "id": "5"},
]


def test_goemotions_has_the_first_label_and_leaves_neutral_out() -> None:
    found = catalogued("goemotions", train=EMOTIONS, validation=EMOTIONS)["train"]
    assert found == [("two of them", "anger"), ("wow", "surprise"), ("so", "joy")]
    assert len(DATASETS["goemotions"].labels) == 27


def test_goemotions_single_has_the_rows_of_one_label_alone() -> None:
    rows = [*EMOTIONS, {"text": "ha", "labels": [1], "id": "6"}]
    assert catalogued("goemotions_single", train=rows, validation=rows)["train"] == [
        ("wow", "surprise"),
        ("ha", "amusement"),
    ]


def test_empathetic_dialogues_has_a_row_for_each_conversation_and_its_commas() -> None:
    turn = {"conv_id": "hit:0", "prompt": "I was alone_comma_ at night", "context": "afraid", "utterance": "Oh"}
    rows = [turn, {**turn, "utterance": "Why?"}, {**turn, "conv_id": "hit:1", "prompt": "We won", "context": "proud"}]
    found = catalogued("empathetic_dialogues", train=rows, validation=rows)["train"]
    assert found == [("I was alone, at night", "afraid"), ("We won", "proud")]
    assert len(DATASETS["empathetic_dialogues"].labels) == 32


def test_emoint_has_class_names_and_no_validation_split() -> None:
    def row(k: int, kind: str) -> dict[str, Any]:
        return {"id": k, "tweet": f"tweet {k} {kind}", "class": kind, "sentiment_intensity": "low"}

    rows = [row(k, kind) for k in range(10) for kind in ("anger", "fear", "joy", "sadness")]
    found = catalogued("emoint", train=rows, test=rows[:4])
    assert Counter(kind for _, kind in found["validation"]) == dict.fromkeys(("anger", "fear", "joy", "sadness"), 1)


def test_parsinlu_has_the_overall_judgement_alone() -> None:
    row = {"review": "خوب بود", "review_id": "1", "category": "فیلم", "aspect": "کلی", "label": "2", "guid": "movie-1"}
    rows = [row, {**row, "aspect": "داستان", "label": "-3"}, {**row, "review": "بد", "label": "-2"}]
    found = catalogued("parsinlu", train=rows, validation=rows, test=rows)
    assert found["test"] == [("خوب بود", "very positive"), ("بد", "very negative")]


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("twitter_sentiment", {"text": "nice", "feeling": 1}, "positive"),
        ("ag_news", {"text": "nice", "label": 3}, "Sci/Tech"),
        ("sst2", {"text": "nice", "label": 0, "label_text": "negative"}, "negative"),
        ("feelings", {"text": "nice", "label": "ecstatic"}, "ecstatic"),
    ],
)
def test_numbers_and_names_are_classes(name: str, row: dict[str, Any], expected: str) -> None:
    assert catalogued(name, train=[row, row], validation=[row])["train"][0] == ("nice", expected)


def test_a_class_that_the_catalog_does_not_know_is_a_bad_row() -> None:
    with pytest.raises(UnavailableError, match="unknown label in label, got '9'"):
        catalogued("sst5", train=[{"text": "a", "label": 9}], validation=[{"text": "a", "label": 1}])


@pytest.mark.parametrize("name", DATASETS)
def test_every_entry_has_its_facts(name: str) -> None:
    dataset = DATASETS[name]
    assert dataset.description
    assert dataset.licence
    assert len(set(dataset.labels)) == len(dataset.labels) >= 2
    assert {"train", "test"} <= set(dataset.splits)
