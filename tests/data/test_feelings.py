"""The data set `feelings`: balanced, varied, no text contains a label, and word overlap does not solve it."""

import json
import re
import subprocess
import sys
from collections import Counter
from functools import cache

import numpy as np
import pytest

from sweeper.data.catalog import DATASETS
from tests.conftest import ROOT

FOLDER = ROOT / "sweeper" / "data" / "feelings"
LABELS = DATASETS["feelings"].class_names
SIZES = {"train": 60, "validation": 20, "test": 20}
STEMS: tuple[str, ...] = (
    "annoy",
    "angry",
    "anger",
    "angri",
    "furi",
    "fury",
    "happy",
    "happi",
    "unhapp",
    "ecsta",
    "uneas",
    "unease",
    "afraid",
)
STEMS += ("terrif", "terror", "disappoint", "sad", "devastat", "content")
UNRELATED_WORDS = re.compile(r"saddle\w*|contents")
MAX_SIMILARITY = 0.30  # Jaccard index of the sets of character 5-grams of two texts


@cache
def rows(split: str) -> list[tuple[str, str]]:
    lines = (FOLDER / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [(row["text"], row["label"]) for row in map(json.loads, lines)]


def texts() -> list[str]:
    return [text for split in SIZES for text, _ in rows(split)]


def character_5_grams(text: str) -> frozenset[str]:
    letters = " ".join(re.findall(r"\w+", text.lower()))
    return frozenset(letters[k : k + 5] for k in range(len(letters) - 4))


@pytest.mark.parametrize("split", SIZES)
def test_every_split_is_balanced(split: str) -> None:
    assert Counter(label for _, label in rows(split)) == dict.fromkeys(LABELS, SIZES[split])


def test_no_text_contains_a_label_or_a_word_derived_from_one() -> None:
    for text in texts():
        words = [word for word in re.findall(r"[a-z]+", text.lower()) if not UNRELATED_WORDS.fullmatch(word)]
        assert not [word for word in words if word.startswith(STEMS)], text


def test_texts_are_short_and_vary_in_length_and_first_words() -> None:
    lengths = [len(text.split()) for text in texts()]
    assert min(lengths) >= 4
    assert max(lengths) <= 45
    assert np.std(lengths) > 4
    openings = Counter(" ".join(text.lower().split()[:2]) for text in texts())
    assert openings.most_common(1)[0][1] <= 0.02 * len(lengths)
    assert sum(text.startswith(("I ", "I'", "My ")) for text in texts()) <= 0.2 * len(lengths)


def test_no_two_texts_are_nearly_the_same_even_across_splits() -> None:
    sets = [character_5_grams(text) for text in texts()]
    names = {gram: number for number, gram in enumerate(set().union(*sets))}
    present = np.zeros((len(sets), len(names)), dtype=np.float32)
    for number, grams in enumerate(sets):
        present[number, [names[gram] for gram in grams]] = 1
    shared = present @ present.T
    sizes = present.sum(axis=1)
    similarity = shared / (sizes[:, None] + sizes[None, :] - shared)
    np.fill_diagonal(similarity, 0)
    assert similarity.max() <= MAX_SIMILARITY


def test_neither_the_majority_class_nor_word_overlap_gives_a_high_score() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    train, test = rows("train"), rows("test")
    model = LinearSVC(random_state=0).fit(words.fit_transform([t for t, _ in train]), [y for _, y in train])
    accuracy = model.score(words.transform([t for t, _ in test]), [y for _, y in test])
    assert accuracy < 0.42  # MiniLM reaches 0.57
    assert Counter(label for _, label in test).most_common(1)[0][1] / len(test) < 0.10


def test_it_is_read_without_the_hubs_library_of_data_sets() -> None:
    program = (
        "import sys\n"
        "from sweeper.data.catalog import DATASETS\n"
        "from sweeper.data.hub_datasets import load_tables\n"
        "tables, commit = load_tables(DATASETS['feelings'])\n"
        "print(commit, {split: len(table) for split, table in tables.items()}, 'datasets' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    sizes = {split: size * len(LABELS) for split, size in SIZES.items()}
    assert done.stdout == f"shipped {sizes} False\n"
