"""Exports the model of a sweep as a classifier of transformers, and pushes it to a hub where asked for."""

import shutil
import tempfile
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np

from sweeper.app.kept_model import KeptModel, find_model
from sweeper.app.model_card import write_exported_card
from sweeper.app.output_paths import require_writable_folder
from sweeper.errors import SweeperError, UsageError
from sweeper.training.peft_package import ADAPTER
from sweeper.training.tasks import THRESHOLDS

_TOLERANCE = 1e-5  # of a probability: float32 adds in another order
_TEXTS = ("a film to remember", "Two hours that I will not get back.", "so, so. " * 400)


def export_model(
    model: str | PathLike[str],
    out: str | Path,
    *,
    sweeps: str | Path = "sweeps",
    push: str | None = None,
    adapter: bool = False,
) -> str:
    """Write the best model of a sweep, or the model in a folder, to the new folder `out`, for transformers.

    If no class of transformers computes the model, the folder has its code too, and transformers loads it with
    `trust_remote_code=True`. The probabilities are compared with those of the model before the folder appears. With
    `adapter`, write only the adapter of a training with `lora`, for peft, with the classifier's weights beside it.
    With `push`, upload the folder to the hub under that name. Return its address on the hub, or "" if it was not
    pushed.

    Raises:
        UsageError: the encoder is rnn or gru, the model has no adapter, or `out` exists.
        SweeperError: the hub does not take it; the folder is there.
    """
    from sweeper.data.hub_models import push_model

    kept, folder = find_model(model, Path(sweeps)), Path(out)
    require_writable_folder("DIR", folder)
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"DIR {folder}: has files; name a new folder")
    with tempfile.TemporaryDirectory(prefix=".sweeper-export-", dir=folder.absolute().parent) as temporary:
        written = Path(temporary) / "model"
        if adapter:
            _write_adapter(kept, written)
            write_exported_card(kept, written, is_adapter=True)
        else:
            _write_classifier(kept, written)
            write_exported_card(kept, written, own_code=describe_own_code(kept))
        shutil.copytree(written, folder, dirs_exist_ok=True)
    return "" if push is None else push_model(folder, push)


def describe_own_code(kept: KeptModel) -> str:
    """Return a clause on why an exported model needs `trust_remote_code=True`, or "" if it does not.

    Raises UsageError if the encoder is none of transformers.
    """
    from sweeper.training.sequence_classification import OWN_CODE, find_mismatch

    reason = find_mismatch(kept.folder, kept.labels, kept.settings)
    if not reason:
        return ""
    remedy = "transformers runs it with trust_remote_code=True"
    return f"the folder has code of its own, {OWN_CODE}, because {reason}; {remedy}"


def _write_classifier(kept: KeptModel, folder: Path) -> None:
    """Write a model as a classifier of transformers. Raises UsageError if its encoder is none of transformers."""
    from sweeper.training.sequence_classification import export_classifier

    dropout = float(kept.hyperparameters.get("dropout", 0.0))
    export_classifier(kept.folder, kept.labels, kept.settings, folder, kept.task, dropout)
    _copy_thresholds(kept, folder)
    _require_equal(kept, folder)


def _write_adapter(kept: KeptModel, folder: Path) -> None:
    """Write a model's adapter, with its classifier and class names. Raises UsageError if it has none."""
    source = kept.folder / ADAPTER
    if not source.is_dir():
        rule = "has no adapter, because it was trained without lora"
        raise UsageError(f"--adapter: {kept.folder}: {rule}; leave --adapter out, or run a sweep with lora: 8")
    shutil.copytree(source, folder)
    for name in ("classifier.safetensors", "labels.json"):
        shutil.copy(kept.folder / name, folder)
    _copy_thresholds(kept, folder)


def _copy_thresholds(kept: KeptModel, folder: Path) -> None:
    """Copy the thresholds of a model that predicts any number of labels."""
    if kept.thresholds is not None:
        shutil.copy(kept.folder / THRESHOLDS, folder)


def _require_equal(kept: KeptModel, written: Path) -> None:
    """Raise SweeperError if the exported model gives other probabilities than the model itself, in float32."""
    from sweeper.app.predict import TextClassifier
    from sweeper.training.sequence_classification import classifier_probabilities

    rows = [[text] * len(kept.text_columns) for text in _TEXTS]
    in_float32 = replace(kept, settings={**kept.settings, "precision": "float32"})
    expected = np.asarray(TextClassifier(in_float32).probabilities(rows))
    exported = np.asarray(classifier_probabilities(written, rows, kept.task))
    largest = float(np.abs(expected - exported).max())
    if not largest <= _TOLERANCE:  # also if it is not a number
        raise SweeperError(
            f"{kept.folder}: transformers would give other probabilities (by up to {largest:.2g}), so nothing was "
            "exported; sweeper predict uses the model as it is"
        )
