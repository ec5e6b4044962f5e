"""Images are PNGs with the same bytes each time, and show what is in the matrix."""

import io

import numpy as np
import pytest
from matplotlib.image import imread

from sweeper.tracking import images

LABELS = ("very negative", "negative", "neutral")


def pixels(png: bytes) -> np.ndarray:
    assert png.startswith(b"\x89PNG")
    found: np.ndarray = imread(io.BytesIO(png))
    return found


def test_a_confusion_matrix_is_drawn_the_same_each_time() -> None:
    true, predicted = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0])
    first = images.draw_confusion_matrix(LABELS, true, predicted, "test")
    assert first == images.draw_confusion_matrix(LABELS, true, predicted, "test")
    assert min(pixels(first).shape[:2]) > 200


def test_another_confusion_matrix_is_another_image() -> None:
    true = np.array([0, 0, 1, 2])
    assert images.draw_confusion_matrix(LABELS, true, true, "test") != images.draw_confusion_matrix(
        LABELS, true, true[::-1], "test"
    )


def test_squares_with_all_texts_of_a_class_are_dark() -> None:
    """Three classes that are always predicted right: the darkest color is on the diagonal, and nowhere else."""
    true = np.arange(3)
    found = pixels(images.draw_confusion_matrix(LABELS, true, true, "test"))
    dark = (found[:, :, 2] < 0.45) & (found[:, :, 2] > 0.4) & (found[:, :, 0] < 0.05)  # the last of Blues: 08306b
    rows, columns = np.nonzero(dark)
    inside = columns < found.shape[1] * 0.75  # the color bar has this color too
    assert np.corrcoef(rows[inside], columns[inside])[0, 1] > 0.8  # .89 for three squares


@pytest.mark.parametrize("classes", [2, 40, 1000])
def test_any_number_of_classes_can_be_drawn_in_at_most_2720_by_2620_pixels(classes: int) -> None:
    labels = [f"a class with quite a long name {k}" for k in range(classes)]
    matrix = np.full((classes, classes), 1 / classes)
    matrix[1] = np.nan
    height, width, *_ = pixels(images.draw_class_weights(labels, matrix)).shape
    assert 200 < height <= 2620
    assert 200 < width <= 2720


@pytest.mark.parametrize(
    "name", ["$5_$6", r"\frac{", "$$", "% & #", "<b>", "\x1b[31m", "a\nb", "\ud800", "سلبي", "很好", "", "a" * 5000]
)
def test_a_name_is_drawn_as_it_is(name: str) -> None:
    """A class is told apart from another one by its name alone, whatever it would mean to matplotlib."""
    true = np.array([0, 1])
    first = images.draw_confusion_matrix((name, "other"), true, true, "test")
    assert first.startswith(b"\x89PNG")
    assert first != images.draw_confusion_matrix((f"*{name}", "other"), true, true, "test")


def test_a_split_without_texts_can_be_drawn() -> None:
    none = np.array([], dtype=np.int64)
    assert images.draw_confusion_matrix(LABELS, none, none, "test").startswith(b"\x89PNG")
