"""A sweep's winner as a model in MLflow's own format: whoever loads it needs no sweeper.

pyfunc_model.py is what runs; MLflow takes a copy of it beside the weights ("models from code").
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

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow's, of type hints in its own code
    import mlflow.pyfunc

_CODE = Path(__file__).with_name("pyfunc_model.py")
_NEEDED = ("mlflow", "numpy", "pandas", "safetensors", "torch", "transformers")
_HYPERPARAMETERS = (
    "encoder", "pooling", "max_length", "batch_size", "precision", "vocabulary", "embedding_size", "hidden_size",
)  # fmt: skip

_EXAMPLE = ["A film that one remembers.", "Two hours that I will not get back."]


@dataclass(frozen=True)
class ModelExport:
    """A model that is kept (learn/keep.py) in `folder`, with its tokenizer, and what a prediction needs beside it.

    `config` are the knobs of its training; `longest` is the most tokens that any trial of the sweep has read of a text,
    and `texts` how many texts a row has: two for a pair. `name` is what MLflow calls the model.
    """

    folder: Path
    name: str
    config: Mapping[str, Any]
    longest: int
    texts: int = 1

    @property
    def digest(self) -> str:
        """What tells it from another training's model."""
        weights = (self.folder / "classifier.safetensors").read_bytes()
        return hashlib.sha256(weights + json.dumps(self.hyperparameters, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What a prediction needs to know of the training."""
        used = {name: self.config[name] for name in _HYPERPARAMETERS if name in self.config}
        return {**used, "longest": self.longest, "texts": self.texts}

    def write(self, out: Path, described: Any = None) -> None:
        """Write the model into `out` in MLflow's format, with its signature, an example, and what it requires."""
        labels = json.loads((self.folder / "labels.json").read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory() as place:
            hyperparameters = Path(place) / "prediction.json"
            hyperparameters.write_text(json.dumps(self.hyperparameters), encoding="utf-8")
            mlflow.pyfunc.save_model(
                out,
                python_model=str(_CODE),
                artifacts={"model": str(self.folder), "prediction": str(hyperparameters)},
                signature=_signature(labels, self.texts),
                input_example=_EXAMPLE if self.texts == 1 else [[text, text] for text in _EXAMPLE],
                pip_requirements=[_pinned(name) for name in _NEEDED],
                mlflow_model=described,
            )


def _signature(labels: list[str], texts: int) -> ModelSignature:
    """A text in, or two; a label and its probabilities out."""
    probabilities = [ColSpec(DataType.float, f"probability/{label}") for label in labels]
    return ModelSignature(
        Schema([ColSpec(DataType.string) for _ in range(texts)]),
        Schema([ColSpec(DataType.string, "label"), *probabilities]),
    )


def _pinned(name: str) -> str:
    """A package at the version that is installed; what is behind a plus there is no version of the package index."""
    return f"{name}=={metadata.version(name).partition('+')[0]}"
