"""Preprocessing: the rules of each data set in the catalog, and no row that is dropped silently."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sweeper.data.catalog import DATASETS
from sweeper.data.dataset_description import describe_dataset
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.preprocessing import OnBadRows, content_digest, prepare
from sweeper.data.rows import RawTable
from sweeper.data.sampling import stratified_subset
from sweeper.errors import UnavailableError
from tests.support.tables import table_of

CUSTOM = DatasetSpec(name="own", files={"train": "a.jsonl"}, text=("review",), label="sentiment")


def table(*rows: Mapping[str, Any], name: str = "a.jsonl", unreadable: tuple[str, ...] = ()) -> RawTable:
    return table_of(name, rows, unreadable=unreadable)


def reviews(*pairs: tuple[Any, Any], **options: Any) -> RawTable:
    return table(*({"review": text, "sentiment": label} for text, label in pairs), **options)


GOOD = reviews(("good film", "up"), ("bad film", "down"), ("poor film", "down"))


def test_labels_are_those_of_the_training_split_in_the_order_of_its_rows() -> None:
    prepared = prepare(CUSTOM, {"train": GOOD, "validation": reviews(("dull", "down"), ("fine", "up"))})
    assert prepared.class_names == ("up", "down")
    assert prepared.splits["train"].labels.tolist() == [0, 1, 1]
    assert prepared.splits["validation"].labels.tolist() == [1, 0]
    assert prepared.notes == ()


def test_a_label_order_is_the_order_of_the_classes() -> None:
    dataset = replace(CUSTOM, label_order=("bad", "so so", "good"))
    rows = {"train": reviews(("a", "good"), ("b", "so so"), ("c", "bad")), "validation": reviews(("d", "so so"))}
    prepared = prepare(dataset, rows)
    assert prepared.class_names == ("bad", "so so", "good")
    assert prepared.splits["train"].labels.tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (("bad", "good"), "label_order must name every label of train; it lacks so so"),
        (("bad", "so so", "good", "great", "grand"), "label_order names great and 1 more, which train does not have"),
    ],
)
def test_a_label_order_must_name_just_the_labels(order: tuple[str, ...], message: str) -> None:
    rows = {"train": reviews(("a", "good"), ("b", "so so"), ("c", "bad")), "validation": reviews(("d", "so so"))}
    with pytest.raises(UnavailableError, match=message):
        prepare(replace(CUSTOM, label_order=order), rows)


def test_labels_may_be_numbers_and_3_is_the_same_as_3_point_0() -> None:
    prepared = prepare(
        CUSTOM, {"train": reviews(("a", 3), ("b", 1), ("c", 3.0)), "validation": reviews(("d", "1"), ("e", "3"))}
    )
    assert prepared.class_names == ("3", "1")
    assert prepared.splits["validation"].labels.tolist() == [1, 0]


BAD_TABLES: dict[str, tuple[RawTable, str]] = {
    "no text": (reviews(("a", "up"), ("", "up"), ("b", "down")), "a.jsonl:2: no text in review"),
    "text of spaces": (reviews(("a", "up"), ("  ", "up"), ("b", "down")), "a.jsonl:2: no text in review"),
    "null text": (reviews(("a", "up"), (None, "up"), ("b", "down")), "a.jsonl:2: no text in review"),
    "no label": (reviews(("a", "up"), ("c", None), ("b", "down")), "a.jsonl:2: no label in sentiment"),
    "empty label": (reviews(("a", "up"), ("c", ""), ("b", "down")), "a.jsonl:2: no label in sentiment"),
    "NaN label": (reviews(("a", "up"), ("c", float("nan")), ("b", "down")), "a.jsonl:2: no label in sentiment"),
    "several labels": (
        reviews(("a", "up"), ("c", ["up", "down"]), ("b", "down")),
        "a.jsonl:2: sentiment is a list, not a label, got [up, down]; "
        "for texts with several labels, set dataset.task: multi_label",
    ),
    "half a surrogate pair": (reviews(("a", "up"), ("c \ud83d", "up"), ("b", "down")), "a.jsonl:2: not UTF-8"),
    "list as text": (
        reviews(("a", "up"), (["x"], "up"), ("b", "down")),
        "a.jsonl:2: review is a list, not a text, got [x]",
    ),
    "unreadable": (reviews(("a", "up"), ("b", "down"), unreadable=("a.jsonl:3: not UTF-8",)), "a.jsonl:3: not UTF-8"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_row_is_an_error_with_its_place_or_dropped_with_a_note(case: str) -> None:
    bad_table, line = BAD_TABLES[case]
    tables = {"train": bad_table, "validation": GOOD}
    with pytest.raises(UnavailableError) as caught:
        prepare(CUSTOM, tables)
    first, second = str(caught.value).splitlines()
    assert first.startswith("data set own: 1 row cannot be used; correct them, ")
    assert first.endswith("or set on_bad_rows: drop")
    assert second.startswith(line)
    prepared = prepare(CUSTOM, tables, "drop")
    assert prepared.splits["train"].texts == ["a", "b"]
    assert prepared.notes[0] == "1 rows of own cannot be used and are dropped"
    assert prepared.notes[1] == second


def test_a_test_split_without_labels_is_left_out_with_a_note() -> None:
    tables = {"train": GOOD, "validation": GOOD, "test": reviews(("x", None), ("y", None))}
    prepared = prepare(CUSTOM, tables)
    assert set(prepared.splits) == {"train", "validation"}
    assert "the test split has no labels, and is left out" in prepared.notes
    with pytest.raises(UnavailableError, match="no label in sentiment"):
        prepare(CUSTOM, {**tables, "test": reviews(("x", None), ("y", "up"))})


def test_a_label_that_the_training_split_lacks_makes_a_row_bad() -> None:
    tables = {"train": GOOD, "validation": reviews(("x", "up"), ("y", "sideways"))}
    with pytest.raises(UnavailableError, match="the training split does not have this label, got sideways"):
        prepare(CUSTOM, tables)
    assert prepare(CUSTOM, tables, "drop").splits["validation"].texts == ["x"]


def test_test_rows_that_are_left_out_are_counted_by_reason() -> None:
    dropped = reviews(
        *[("x", "sideways")] * 3, ("", "up"), ("y", None), ("z", ["up"]), ("kept", "up"), unreadable=("a.jsonl:9: bad",)
    )
    prepared = prepare(CUSTOM, {"train": GOOD, "validation": GOOD, "test": dropped}, "drop")
    assert prepared.left_out_of_test == (
        "1 of 8 test rows is left out: it cannot be read",
        "1 of 8 test rows is left out: its text is missing or cannot be used",
        "2 of 8 test rows are left out: their label is missing or cannot be used",
        "3 of 8 test rows are left out: they have a label that train lacks",
    )
    assert describe_dataset(prepared).test_warnings[:4] == prepared.left_out_of_test


def test_bad_rows_of_other_splits_are_not_said_of_test() -> None:
    tables = {"train": reviews(("a", "up"), ("", "up"), ("b", "down")), "validation": GOOD, "test": GOOD}
    assert prepare(CUSTOM, tables, "drop").left_out_of_test == ()


@pytest.mark.parametrize(
    ("lines", "remedy"),
    [
        (("a.csv:2: not UTF-8", "a.csv:3: not UTF-8"), "correct them, save the file as UTF-8, as iconv"),
        (("a.json:1: row 2: not UTF-8",), "correct them, save the file as UTF-8, as iconv"),
        (("a.csv:2: not UTF-8", "a.csv:3: badly quoted"), "correct them, or set"),
        (("a.parquet: row 2: not UTF-8",), "correct them, or set"),
    ],
)
def test_a_file_in_another_encoding_has_the_remedy(lines: tuple[str, ...], remedy: str) -> None:
    train = reviews(("a", "up"), ("b", "down"), unreadable=lines)
    with pytest.raises(UnavailableError, match=f"cannot be used; {remedy}"):
        prepare(CUSTOM, {"train": train})


def test_many_bad_rows_are_counted_and_the_first_fifty_are_listed() -> None:
    with pytest.raises(UnavailableError) as caught:
        prepare(CUSTOM, {"train": reviews(*[("", "up")] * 54, ("a", "up"), ("b", "down"))})
    lines = str(caught.value).splitlines()
    assert "54 rows cannot be used" in lines[0]
    assert len(lines) == 52
    assert lines[-1] == "and 4 more"


@pytest.mark.parametrize("count", [1, 50, 51, 120])
def test_dropped_rows_of_all_splits_are_counted_and_the_first_fifty_are_listed(count: int) -> None:
    bad = reviews(("a", "up"), *[("", "up")] * (count - 1), ("b", "down"))
    prepared = prepare(CUSTOM, {"train": bad, "validation": reviews(("c", "up"), ("d", "neither"))}, "drop")
    head, *lines = prepared.notes
    assert head == f"{count} rows of own cannot be used and are dropped"
    named = [f"a.jsonl:{number}: no text in review" for number in range(2, count + 1)]
    named.append("a.jsonl:2: the training split does not have this label, got neither")
    assert lines == (named if count <= 50 else [*named[:50], f"and {count - 50} more"])
    assert not any("\n" in note for note in prepared.notes)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"train": table({"text": "a", "sentiment": "up"})}, "a.jsonl needs a column review, allowed: text, sentiment"),
        ({"train": table({"review": "a"}), "test": reviews(("b", "-1"))}, "a.jsonl needs a column sentiment"),
        ({"train": table({"review": "a"}), "test": table({"review": "b"})}, "a.jsonl needs a column sentiment"),
        ({"train": reviews(("a", "up"), ("b", "up"))}, "needs at least two classes, got [up]"),
        ({"train": GOOD, "validation": reviews(("", "up"))}, "no row is left in validation"),
    ],
)
@pytest.mark.parametrize("on_bad_rows", ["drop"])
def test_data_that_no_training_can_use_is_an_error(
    tables: dict[str, RawTable], message: str, on_bad_rows: OnBadRows
) -> None:
    with pytest.raises(UnavailableError) as caught:
        prepare(CUSTOM, tables, on_bad_rows)
    assert message in str(caught.value)


def numbered_reviews(*sizes: tuple[str, int]) -> RawTable:
    return reviews(*[(f"{label} {k}", label) for label, size in sizes for k in range(size)])


def test_without_a_validation_split_the_same_tenth_of_each_class_is_held_out() -> None:
    tables = {
        "train": numbered_reviews(("up", 100), ("down", 40), ("rare", 3)),
        "test": numbered_reviews(("up", 5), ("down", 5)),
    }
    prepared, again = prepare(CUSTOM, tables), prepare(CUSTOM, tables)
    held_out = prepared.splits["validation"]
    assert Counter(prepared.class_names[label] for label in held_out.labels) == {"up": 10, "down": 4, "rare": 1}
    assert set(held_out.texts).isdisjoint(prepared.splits["train"].texts)
    assert len(held_out) + len(prepared.splits["train"]) == 143
    assert again.splits["validation"].texts == held_out.texts
    assert len(prepared.splits["test"]) == 10
    assert "no validation split of its own: 15 of the training texts are used" in prepared.notes


def test_a_subset_keeps_the_share_of_each_class_and_the_order_of_rows() -> None:
    rows = prepare(CUSTOM, {"train": numbered_reviews(("up", 60), ("down", 30), ("rare", 10))}).splits["train"]
    subset = stratified_subset(rows, 9)
    assert Counter(subset.labels.tolist()) == {0: 5, 1: 3, 2: 1}
    assert [rows.texts.index(text) for text in subset.texts] == sorted(rows.texts.index(text) for text in subset.texts)
    assert stratified_subset(rows, 9).texts == subset.texts
    assert subset.labels.tolist() == [rows.labels[rows.texts.index(text)] for text in subset.texts]
    assert stratified_subset(rows, 1000) is stratified_subset(rows, None) is rows
    assert len(stratified_subset(rows, 50)) == 50


def test_two_text_columns_are_a_pair() -> None:
    pairs = DatasetSpec(name="pairs", files={"train": "x"}, text=("premise", "claim"), label="y")
    rows = [{"premise": "a", "claim": "b", "y": 0}, {"premise": "c", "claim": "d", "y": 1}]
    prepared = prepare(pairs, {"train": table(*rows), "validation": table(*rows)})
    assert prepared.splits["train"].texts == ["a", "c"]
    assert prepared.splits["train"].pairs == ["b", "d"]
    with pytest.raises(UnavailableError, match="no text in claim"):
        prepare(pairs, {"train": table(*rows, {"premise": "e", "claim": "", "y": 1}), "validation": table(*rows)})


def test_the_digest_depends_on_texts_labels_and_order() -> None:
    def digest(*pairs: tuple[str, str]) -> str:
        return content_digest(prepare(CUSTOM, {"train": reviews(*pairs), "validation": GOOD}))

    base = digest(("a", "up"), ("b", "down"))
    assert digest(("a", "up"), ("b", "down")) == base
    assert (
        len(
            {
                base,
                digest(("a", "up"), ("c", "down")),
                digest(("b", "down"), ("a", "up")),
                digest(("a", "down"), ("b", "up")),
            }
        )
        == 4
    )


# ---- the rules of the data sets in the catalog, on rows as their pages on the hub show them


def prepare_known(name: str, **rows: list[dict[str, Any]]) -> dict[str, list[tuple[str, str]]]:
    """Prepare rows of a data set in the catalog. Return text and class of each row, by split."""
    prepared = prepare(DATASETS[name], {split: table(*split_rows) for split, split_rows in rows.items()})
    return {
        split: [
            (text, prepared.class_names[label]) for text, label in zip(labelled.texts, labelled.labels, strict=True)
        ]
        for split, labelled in prepared.splits.items()
    }


EMOTIONS = [
    {"text": "ok", "labels": [27], "id": "1"},
    {"text": "two of them", "labels": [2, 27], "id": "2"},
    {"text": "wow", "labels": [26], "id": "3"},
    {"text": "neutral first", "labels": [27, 2], "id": "4"},
    {"text": "so", "labels": [17, 18], "id": "5"},
]


def test_goemotions_takes_the_first_label_and_leaves_neutral_out() -> None:
    rows = prepare_known("goemotions", train=EMOTIONS, validation=EMOTIONS)["train"]
    assert rows == [("two of them", "anger"), ("wow", "surprise"), ("so", "joy")]
    assert len(DATASETS["goemotions"].class_names) == 27


def test_goemotions_single_takes_only_rows_with_one_label() -> None:
    rows = [*EMOTIONS, {"text": "ha", "labels": [1], "id": "6"}]
    assert prepare_known("goemotions_single", train=rows, validation=rows)["train"] == [
        ("wow", "surprise"),
        ("ha", "amusement"),
    ]


def test_empathetic_dialogues_has_one_row_for_each_conversation_and_real_commas() -> None:
    turn = {"conv_id": "hit:0", "prompt": "I was alone_comma_ at night", "context": "afraid", "utterance": "Oh"}
    rows = [turn, {**turn, "utterance": "Why?"}, {**turn, "conv_id": "hit:1", "prompt": "We won", "context": "proud"}]
    prepared = prepare_known("empathetic_dialogues", train=rows, validation=rows)["train"]
    assert prepared == [("I was alone, at night", "afraid"), ("We won", "proud")]
    assert len(DATASETS["empathetic_dialogues"].class_names) == 32


def test_emoint_has_class_names_and_a_held_out_validation_split() -> None:
    def row(k: int, kind: str) -> dict[str, Any]:
        return {"id": k, "tweet": f"tweet {k} {kind}", "class": kind, "sentiment_intensity": "low"}

    rows = [row(k, kind) for k in range(10) for kind in ("anger", "fear", "joy", "sadness")]
    splits = prepare_known("emoint", train=rows, test=rows[:4])
    assert Counter(kind for _, kind in splits["validation"]) == dict.fromkeys(("anger", "fear", "joy", "sadness"), 1)


def test_parsinlu_takes_only_overall_judgements() -> None:
    row = {"review": "خوب بود", "review_id": "1", "category": "فیلم", "aspect": "کلی", "label": "2", "guid": "movie-1"}
    rows = [row, {**row, "aspect": "داستان", "label": "-3"}, {**row, "review": "بد", "label": "-2"}]
    splits = prepare_known("parsinlu", train=rows, validation=rows, test=rows)
    assert splits["test"] == [("خوب بود", "very positive"), ("بد", "very negative")]


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("twitter_sentiment", {"text": "nice", "feeling": 1}, "positive"),
        ("ag_news", {"text": "nice", "label": 3}, "Sci/Tech"),
        ("sst2", {"text": "nice", "label": 0, "label_text": "negative"}, "negative"),
        ("feelings", {"text": "nice", "label": "ecstatic"}, "ecstatic"),
    ],
)
def test_a_label_column_may_hold_numbers_or_names(name: str, row: dict[str, Any], expected: str) -> None:
    assert prepare_known(name, train=[row, row], validation=[row])["train"][0] == ("nice", expected)


def test_a_class_that_is_not_in_the_catalog_makes_a_row_bad() -> None:
    with pytest.raises(UnavailableError, match="unknown label in label, got '9'"):
        prepare_known("sst5", train=[{"text": "a", "label": 9}], validation=[{"text": "a", "label": 1}])


@pytest.mark.parametrize("name", DATASETS)
def test_every_entry_of_the_catalog_is_complete(name: str) -> None:
    dataset = DATASETS[name]
    assert dataset.description
    assert dataset.licence
    assert len(set(dataset.class_names)) == len(dataset.class_names) >= 2
    assert {"train", "test"} <= set(dataset.splits)
