"""The card of a model, README.md beside it: how it was chosen, what it scored, and how it is used.

A sweep writes it beside the model that it keeps, and `sweeper export` beside the classifier of transformers. Both have
the same text, except for the lines of code that use the model.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweeper.app.best_model import saved_model_trial
from sweeper.app.checklist_answers import (
    UNKNOWN,
    describe_data,
    describe_encoder,
    describe_scores,
    describe_sources,
    encoder_licence,
)
from sweeper.app.kept_model import KeptModel, find_model
from sweeper.app.pipeline_usage import describe_thresholds, pipeline_code
from sweeper.data.hub_models import write_model_card
from sweeper.protocol.results import stored_results
from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.system_results import ConfirmationResult
from sweeper.storage.sweep_folder import SweepFolder, is_sweep, open_sweep
from sweeper.training.registry import encoder_kind
from sweeper.wording import count_noun, escape_markdown, format_value, name_untuned_labels, show_controls

_TO_FILL_IN = (
    "[More Information Needed] What the model is for, whom it serves, and what it must not be used for. A sweep cannot "
    "know this."
)
_SWEEPER = """```python
import sweeper

classifier = sweeper.load_model("FOLDER")
classifier.predict([{row}])
```"""
_TRANSFORMERS = """```python
from transformers import pipeline

classify = {make}
classify{call}
```"""

_PEFT = """```python
from peft import PeftModel
from transformers import AutoModel

encoder = PeftModel.from_pretrained(AutoModel.from_pretrained({encoder}), "FOLDER OR NAME")
```"""


def write_kept_card(folder: SweepFolder, results: SweepResults) -> None:
    """Write the card of the model that a sweep keeps. Write nothing if it keeps none, or not the best one."""
    saved = saved_model_trial(folder)
    if saved is None or results.best_model_trial not in (None, saved):
        return
    model = find_model(folder.path / "model", folder.path.parent)
    row = '"a text"' if len(model.text_columns) == 1 else '("a text", "another")'
    usage = [_SWEEPER.replace("{row}", row)]
    if (model.folder / "encoder" / "config.json").exists():
        usage.append("`sweeper export FOLDER DIR` makes it a classifier of transformers.")
    write_model_card(model.folder, _metadata(model, results), _card_text(model, usage, folder, results))


def write_exported_card(model: KeptModel, out: Path, *, own_code: str = "", is_adapter: bool = False) -> None:
    """Write the card of an exported model, or of its adapter, into `out`.

    `own_code` says why transformers needs the code in the folder, if it does. Scores and data are those of the sweep
    that keeps it, if any.
    """
    sweep = _sweep_of(model.folder)
    results = stored_results(sweep) if sweep else None
    metadata = {"library_name": "peft" if is_adapter else "transformers", **_metadata(model, results)}
    usage = _adapter_usage(model) if is_adapter else _transformers_usage(model, own_code, results)
    text = _card_text(model, usage, sweep, results)
    write_model_card(out, metadata, text)


def _sweep_of(folder: Path) -> SweepFolder | None:
    """Return the sweep whose best model a folder has; None for other models."""
    parent = folder.absolute().parent
    return open_sweep(parent) if folder.name == "model" and is_sweep(parent) else None


def _metadata(model: KeptModel, results: SweepResults | None) -> dict[str, Any]:
    """Return what the hub reads of a card."""
    encoder = str(model.settings["encoder"])
    metadata: dict[str, Any] = {"base_model": encoder} if encoder.count("/") == 1 and encoder[0] not in "./~" else {}
    if results is not None:
        metadata["metrics"] = ["f1"] if model.task == "multi_label" else ["accuracy", "f1"]
    return metadata


def _card_text(model: KeptModel, usage: Sequence[str], sweep: SweepFolder | None, results: SweepResults | None) -> str:
    """Return the text of a card in Markdown. `usage` are its paragraphs on how the model is used."""
    title = "text classifier" if results is None else f"{results.dataset}: text classifier"
    parts = [f"# {_escape(title)}", *usage, "## Intended use", _TO_FILL_IN]
    parts += ["## Classes", ", ".join(map(_escape, model.labels))]
    if results is not None and sweep is not None:
        parts += ["## Data", _list(_data_lines(sweep, results))]
        parts += _encoder_part(model, sweep, results)
        of_best = (confirmed for confirmed in results.confirmations if confirmed.source_trial == results.best_trial)
        if confirmation := next(of_best, None):
            parts += ["## Scores", *_scores(results, confirmation)]
    hyperparameters = [f"{name}: {format_value(value)}" for name, value in model.hyperparameters.items()]
    return "\n\n".join([*parts, "## Hyperparameters", _list(hyperparameters)]) + "\n"


def _adapter_usage(model: KeptModel) -> list[str]:
    encoder, pooling = str(model.settings["encoder"]), model.settings["pooling"]
    note = f"Its features (pooling: {pooling}) go to the classifier, whose weights are in `classifier.safetensors`."
    return [_PEFT.replace("{encoder}", json.dumps(encoder)), note]


def _transformers_usage(model: KeptModel, own_code: str, results: SweepResults | None) -> list[str]:
    make, call = pipeline_code(model, "FOLDER OR NAME", own_code=own_code)
    notes = [f"`truncation=True` cuts texts at {model.settings['max_length']} tokens, as in the training."]
    if model.replacements:
        pairs = ", ".join(f"{old!r} by {new!r}" for old, new in model.replacements.items())
        notes.append(f"In the training, these strings were replaced in each text: {pairs}.")
    if thresholds := describe_thresholds(model):
        untuned = name_untuned_labels(results.class_counts.get("validation", {}) if results else {})
        notes.append(f"{_capitalize(thresholds)}, tuned on validation. {_escape(untuned)}".rstrip())
    usage = [_TRANSFORMERS.replace("{make}", make).replace("{call}", call), " ".join(notes)]
    return [*usage, _escape(f"{_capitalize(own_code)}.")] if own_code else usage


def _data_lines(sweep: SweepFolder, results: SweepResults) -> list[str]:
    """Return the data set with its licence and sizes, and what readers of test scores must know of it."""
    spec = sweep.read_spec()
    licence = f"Licence: {spec.dataset_spec.licence or UNKNOWN}."
    return [describe_sources(spec, results)[0], licence, *describe_data(sweep, spec), *results.test_warnings]


def _encoder_part(model: KeptModel, sweep: SweepFolder, results: SweepResults) -> list[str]:
    """Return the section on the pretrained encoder: where it comes from, and its licence. None of one from scratch."""
    name = str(model.settings["encoder"])
    if not encoder_kind(name).is_pretrained:
        return []
    return ["## Encoder", _list([describe_encoder(name, results), f"Licence: {encoder_licence(sweep, name)}."])]


def _scores(results: SweepResults, confirmation: ConfirmationResult) -> list[str]:
    scores_by_metric = {results.objective: [seed.metrics.get(results.objective) for seed in confirmation.models]}
    tests = [seed.test for seed in confirmation.models if seed.test is not None]
    for name in (results.objective.removeprefix("validation/"), "accuracy", "macro_f1", "micro_f1"):
        metric = f"test/{name}"
        if any(metric in scores for scores in tests):
            scores_by_metric[metric] = [scores.get(metric) for scores in tests]
    lines = [f"| {_escape(metric)} | {_describe_known(scores)} |" for metric, scores in scores_by_metric.items()]
    seeds = count_noun(len(confirmation.seeds), "fresh seed")
    return [
        f"The setting was chosen on validation and trained again with {seeds}{_describe_tests(results, confirmation)}. "
        "This model is the seed that is best on validation.",
        "\n".join(["| metric | mean ± standard deviation over fresh seeds |", "|---|---|", *lines]),
    ]


def _describe_tests(results: SweepResults, confirmation: ConfirmationResult) -> str:
    """Return how many models were scored on the test split, and how often it was accessed for that; empty if never."""
    scored_trials = {seed.trial for seed in confirmation.models if seed.test is not None}
    accesses = sum(access.trial in scored_trials for access in results.test_accesses)
    if not scored_trials:
        return ""
    frequency = "once each" if accesses == len(scored_trials) else f"with {accesses} accesses"
    models = count_noun(len(scored_trials), "model was", "models were")
    return f"; {models} scored on the test split, {frequency}"


def _describe_known(values: Sequence[float | None]) -> str:
    """Return the mean of the scores that models have; a dash if none has one."""
    scores = [value for value in values if value is not None]
    return describe_scores(scores) if scores else "–"


def _capitalize(clause: str) -> str:
    return clause[0].upper() + clause[1:]


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {_escape(line)}" for line in lines)


def _escape(text: str) -> str:
    return escape_markdown(show_controls(" ".join(text.split())))
