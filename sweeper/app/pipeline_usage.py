"""The use of an exported model with transformers, as its model card and `sweeper export` show it."""

import json
from collections.abc import Callable, Mapping

from sweeper.app.kept_model import KeptModel
from sweeper.training.tasks import THRESHOLDS


def pipeline_code(
    model: KeptModel, folder: str, *, own_code: str = "", quote: Callable[[str | Mapping[str, str]], str] = json.dumps
) -> tuple[str, str]:
    """Return the code that loads an exported model as a pipeline, and the arguments of a call of the pipeline.

    `own_code` says why transformers needs the code in the folder, if it does. `quote` writes strings and dictionaries
    as Python.
    """
    row: str | Mapping[str, str] = "a text"
    if len(model.text_columns) == 2:
        row = {"text": "a text", "text_pair": "another"}
    trust = ", trust_remote_code=True" if own_code else ""
    make = f"pipeline({quote('text-classification')}, model={quote(folder)}, top_k=None{trust})"
    return make, f"({quote(row)}, truncation=True)"


def describe_thresholds(model: KeptModel) -> str:
    """Return how the probabilities of a pipeline become labels, or "" if the likeliest class is predicted."""
    if model.thresholds is None:
        return ""
    return (
        "a text has any number of labels: `top_k=None` lists the probability of each, and "
        f"`{THRESHOLDS}` has those from which a label is predicted"
    )


def describe_export(model: KeptModel, folder: str, own_code: str) -> list[str]:
    """Return the lines of `sweeper export` on how the model is used, with what the user must know of it."""
    make, call = pipeline_code(model, folder, own_code=own_code, quote=repr)
    notes = [describe_thresholds(model).replace("`", ""), own_code]
    return [f"use it: transformers.{make}{call}", *(f"note:   {note}" for note in notes if note)]
