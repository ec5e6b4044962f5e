"""Texts as word numbers, prepared as in the second paper for RNN and GRU."""

import json
from pathlib import Path

import numpy as np

from sweeper.data.rows import LabelledTexts
from sweeper.training.vocabulary import FIRST_WORD, UNKNOWN, Vocabulary, tokenize_words


def rows(*texts: str, pairs: list[str] | None = None) -> LabelledTexts:
    return LabelledTexts(list(texts), np.zeros(len(texts), dtype=np.int64), pairs)


def numbers(vocabulary: Vocabulary, texts: LabelledTexts, max_length: int = 10) -> list[list[int]]:
    split = vocabulary.tokenize_split(texts, max_length)
    return [split.tokens[start:stop].tolist() for start, stop in zip(split.starts, split.starts[1:], strict=False)]


def test_words_are_lower_case_without_stop_words_and_punctuation() -> None:
    assert tokenize_words("The DOG didn't bark -- at 3 a.m., did it? snake_case #tag") == [
        *("dog", "didn", "bark", "3", "snake", "case", "tag")
    ]


def test_other_scripts_are_words_too() -> None:
    assert tokenize_words("کیفیت خوبه، و قیمت") == ["کیفیت", "خوبه", "و", "قیمت"]


def test_a_smaller_vocabulary_is_the_beginning_of_a_larger_one() -> None:
    texts = ["red blue", "blue green blue", "green blue"]
    assert list(Vocabulary(rows(*texts), 9).numbers.items()) == [
        ("blue", FIRST_WORD),
        ("green", FIRST_WORD + 1),
        ("red", FIRST_WORD + 2),
    ]
    assert list(Vocabulary(rows(*texts), 2).numbers) == ["blue", "green"]


def test_words_missing_from_the_training_split_are_unknown() -> None:
    vocabulary = Vocabulary(rows(*["red blue blue"]), 9)
    assert numbers(vocabulary, rows("Blue sky", "red", "the")) == [[FIRST_WORD, UNKNOWN], [FIRST_WORD + 1], [UNKNOWN]]


def test_long_texts_are_cut_and_their_full_length_is_recorded() -> None:
    vocabulary = Vocabulary(rows(*["a1 b1 c1 d1"]), 9)
    split = vocabulary.tokenize_split(rows("a1 b1 c1 d1", "a1"), 3)
    assert split.lengths.tolist() == [4, 1]
    assert numbers(vocabulary, rows("a1 b1 c1 d1"), 3) == [[FIRST_WORD, FIRST_WORD + 1, FIRST_WORD + 2]]


def test_a_pair_becomes_one_text() -> None:
    vocabulary = Vocabulary(rows(*["red blue blue"]), 9)
    assert numbers(vocabulary, rows("red", pairs=["blue"])) == [[FIRST_WORD + 1, FIRST_WORD]]


def test_a_vocabulary_is_saved_as_its_words_in_order(tmp_path: Path) -> None:
    Vocabulary(rows(*["red blue blue"]), 9).save(tmp_path)
    assert json.loads((tmp_path / "vocabulary.json").read_text(encoding="utf-8")) == ["blue", "red"]
