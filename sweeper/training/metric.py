"""The type of a metric's entry in metric_registry.py."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """A figure of a model's predictions on a split.

    - `label_set_description` replaces the description where a text has any number of labels; empty if it need not.
    - `function` names a function of a confusion matrix (C, C); `of_probabilities` one of true classes (N,) and
      probabilities (N, C). One of them is given, except of the loss, which the evaluation itself computes.
    - `of_label_sets` names a function of true and predicted label sets (N, C), and `of_label_probabilities` one of true
      label sets and probabilities; `without_each_label_set` is to them what `without_each` is to probabilities. With
      `is_plain`, the predicted labels are those with a probability of at least .5, and no threshold is tuned.
    - `without_each` names a function of true classes and probabilities that returns the metric without each text (N,):
      what a test of significance needs of a metric of probabilities.
    - `better` says which values of it are better; None if it describes the predictions and is no score.
    - `is_reported` if every validation reports it, as `validation/<name>`. The others are reported if they are the
      objective, and otherwise computed from stored predictions.
    - `is_objective` is False for a score that a poor model reaches easily.
    - `is_share` for a value that people read in percent. Others are plain numbers.
    - `is_ordered` if it needs classes in the order of a scale.
    - `needs_every_class` if it is undefined where a class has no text in the split.
    - `is_rescaled` if it is computed after a temperature was fitted on the validation predictions of the same model.
      Its functions take the rescaled probabilities.
    - `best_constant` names a function that an objective without a `function` needs: it takes the number of texts in
      each class (C,) and returns the metric's value for the best prediction that is the same for every text.
    - `class_name` is the class that a metric of one class is about. Its `function` also takes the class's `index`.
    """

    label: str
    description: str
    label_set_description: str = ""
    function: str | None = None
    better: Literal["higher", "lower"] | None = None
    best_constant: str | None = None
    of_probabilities: str | None = None
    without_each: str | None = None
    of_label_sets: str | None = None
    of_label_probabilities: str | None = None
    without_each_label_set: str | None = None
    is_reported: bool = False
    is_objective: bool = True
    is_share: bool = True
    is_ordered: bool = False
    needs_every_class: bool = False
    is_rescaled: bool = False
    is_plain: bool = False
    class_name: str | None = None

    @property
    def is_divisible(self) -> bool:
        """True if it can be divided among texts, as a test of significance needs."""
        return any(part is not None for part in (self.function, self.without_each, self.without_each_label_set))

    @property
    def fits_classes(self) -> bool:
        """True if it can be computed where each text has one label."""
        return self.function is not None or self.of_probabilities is not None

    @property
    def fits_label_sets(self) -> bool:
        """True if it can be computed where a text has any number of labels."""
        return self.of_label_sets is not None or self.of_label_probabilities is not None
