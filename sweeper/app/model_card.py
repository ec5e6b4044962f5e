"""The card of an exported model: how it was chosen, what it scored, and how it is used."""

import statistics
from collections.abc import Sequence
from typing import Any

from sweeper.app.kept_model import KeptModel
from sweeper.protocol.sweep_results import ConfirmationResult, SweepResults
from sweeper.wording import escape_markdown, format_value


def card_metadata(model: KeptModel, results: SweepResults | None) -> dict[str, Any]:
    """Return what the hub reads of a card."""
    encoder = str(model.settings["encoder"])
    metadata: dict[str, Any] = {"base_model": encoder} if encoder.count("/") == 1 and encoder[0] not in "./~" else {}
    if results is not None:
        metadata["metrics"] = ["accuracy", "f1"]
    return metadata


def card_text(model: KeptModel, results: SweepResults | None) -> str:
    """Return the text of a card in Markdown."""
    name = "text classifier" if results is None else f"{results.dataset}: text classifier"
    parts = [f"# {escape_markdown(name)}", *_usage(model), "## Classes", ", ".join(map(escape_markdown, model.labels))]
    confirmation = _confirmation(results)
    if results is not None and confirmation is not None:
        parts += ["## Scores", *_scores(results, confirmation)]
        params = {**model.settings, **confirmation.params}
        shown = {
            key: value for key, value in params.items() if key not in ("columns", "replacements", "texts", "max_tokens")
        }
        parts += [
            "## Hyperparameters",
            "\n".join(f"- {key}: {escape_markdown(format_value(shown[key]))}" for key in shown),
        ]
    return "\n\n".join(parts) + "\n"


_CODE = """```python
from transformers import pipeline

classify = pipeline("text-classification", model="FOLDER OR NAME", top_k=None)
classify({row}, truncation=True)
```"""


def _usage(model: KeptModel) -> Sequence[str]:
    settings = model.settings
    row = '"a text"' if len(model.text_columns) == 1 else '{"text": "a text", "text_pair": "another"}'
    notes = [f"`truncation=True` cuts texts at {settings['max_length']} tokens, as in the training."]
    if len(model.text_columns) > 1 and settings["max_tokens"] > settings["max_length"]:
        notes.append(f"Longer pairs were cut at {settings['max_tokens']} tokens first, so theirs differ a little.")
    if model.replacements:
        pairs = ", ".join(f"{old!r} by {new!r}" for old, new in model.replacements.items())
        notes.append(f"In the training, these strings were replaced in each text: {pairs}.")
    return [_CODE.replace("{row}", row), " ".join(notes)]


def _confirmation(results: SweepResults | None) -> ConfirmationResult | None:
    if results is None:
        return None
    return next((c for c in results.confirmations if c.source_trial == results.best_trial), None)


def _scores(results: SweepResults, confirmation: ConfirmationResult) -> list[str]:
    objective = _mean_and_sd([seed.metrics.get(results.objective) for seed in confirmation.seeds])
    rows = [f"| {results.objective} | {objective} |"]
    for name in ("test/accuracy", "test/macro_f1"):
        values = [seed.test.get(name) for seed in confirmation.seeds if seed.test is not None]
        rows += [f"| {name} | {_mean_and_sd(values)} |"] if values else []
    count = len(confirmation.seeds)
    return [
        f"The setting was chosen on validation and trained again with {count} fresh seeds; the test split was scored "
        "once with each. This model is the seed that is best on validation.",
        "\n".join([f"| metric | mean ± standard deviation over {count} seeds |", "|---|---|", *rows]),
    ]


def _mean_and_sd(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    return f"{statistics.fmean(known):.4f}" + (f" ± {statistics.stdev(known):.4f}" if len(known) > 1 else "")
