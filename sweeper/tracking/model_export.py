"""The best model of a sweep in MLflow's own format, which loads without sweeper.

pyfunc_model.py is the code that runs then. MLflow copies it beside the weights ("models from code").
"""

import hashlib
import json
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import Array

from sweeper.training.prediction_settings import prediction_settings
from sweeper.training.tasks import THRESHOLDS
from sweeper.wording import escape_markdown, show_controls

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow warns of type hints in its own code
    import mlflow.pyfunc

_CODE = Path(__file__).with_name("pyfunc_model.py")
_REQUIREMENTS = ("mlflow", "numpy", "pandas", "safetensors", "torch", "transformers")

_MAX_LABELS = 30  # names of classes in the description
_EXAMPLE = ["A film that one remembers.", "Two hours that I will not get back."]


@dataclass(frozen=True)
class ModelExport:
    """A model that training/export.py wrote to `folder` with its tokenizer, and what predictions need besides.

    `config` are the hyperparameters of its training. `max_tokens` is the largest max_length of the sweep. `texts` is
    the number of texts in a row: 2 for pairs. `name` is the model's name in MLflow.
    """

    folder: Path
    name: str
    config: Mapping[str, Any]
    max_tokens: int
    texts: int = 1

    @property
    def digest(self) -> str:
        """A hash of the classifier's weights and the settings, which identifies the model.

        The encoder's weights are not read: each training begins with other random weights of the classifier.
        """
        weights = (self.folder / "classifier.safetensors").read_bytes()
        return hashlib.sha256(weights + json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the training that a prediction needs."""
        settings = prediction_settings(self.config, self.max_tokens, self.texts)
        return {**settings, "task": "multi_label"} if self.has_thresholds else settings

    @property
    def labels(self) -> list[str]:
        """The names of the classes."""
        labels: list[str] = json.loads((self.folder / "labels.json").read_text(encoding="utf-8"))
        return labels

    @property
    def has_thresholds(self) -> bool:
        """True if it predicts any number of labels of a text."""
        return (self.folder / THRESHOLDS).exists()

    @property
    def example(self) -> list[str] | list[list[str]]:
        """Two inputs, as `predict` takes them."""
        return _EXAMPLE if self.texts == 1 else [[text, text] for text in _EXAMPLE]

    def describe(self) -> str:
        """Return the description for the model's page as Markdown: its signature, and an example of its use."""
        classes = [escape_markdown(show_controls(label)) for label in self.labels[:_MAX_LABELS]]
        if len(self.labels) > _MAX_LABELS:
            classes.append(f"and {len(self.labels) - _MAX_LABELS} more")
        texts = "one text" if self.texts == 1 else "two texts"
        predicted = "labels" if self.has_thresholds else "label"
        return (
            f"- **Input** {texts} a row\n"
            f"- **Output** `{predicted}`, and a `probability/…` of each class: {', '.join(classes)}\n\n"
            f"```python\nmodel.predict({json.dumps(self.example)})\n```"
        )

    def write(self, folder: Path, mlflow_model: Any = None) -> None:
        """Write the model into `folder` in MLflow's format, with its signature, an example and its requirements."""
        with tempfile.TemporaryDirectory() as temporary:
            settings = Path(temporary) / "prediction.json"
            settings.write_text(json.dumps(self.settings), encoding="utf-8")
            mlflow.pyfunc.save_model(
                folder,
                python_model=str(_CODE),
                artifacts={"model": str(self.folder), "prediction": str(settings)},
                signature=_signature(self.labels, self.texts, has_thresholds=self.has_thresholds),
                input_example=self.example,
                pip_requirements=[_pin(name) for name in _REQUIREMENTS],
                mlflow_model=mlflow_model,
            )


def _signature(labels: list[str], texts: int, *, has_thresholds: bool) -> ModelSignature:
    """Return the signature: one text or two go in, the label or labels and the probability of each come out."""
    predicted = ColSpec(Array(DataType.string), "labels") if has_thresholds else ColSpec(DataType.string, "label")
    probabilities = [ColSpec(DataType.float, f"probability/{label}") for label in labels]
    return ModelSignature(
        Schema([ColSpec(DataType.string) for _ in range(texts)]),
        Schema([predicted, *probabilities]),
    )


def _pin(name: str) -> str:
    """Return a requirement for the installed version, without a local part such as +cpu, which PyPI does not have."""
    return f"{name}=={metadata.version(name).partition('+')[0]}"
