"""The model of a sweep: of its best confirmed setting, the seed that is best on validation, kept when all is scored.

It was chosen on validation alone. The other models that confirmation left are removed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeper.protocol.confirmation import best_model_trial
from sweeper.storage.sweep_folder import SweepFolder, write_json
from sweeper.storage.trial_files import checkpoint_path, delete_trial_files, trial_folder
from sweeper.terminal.output import Output
from sweeper.trials.interfaces import CheckpointStorage
from sweeper.trials.trial import TrialRecord

if TYPE_CHECKING:
    from sweeper.app.prepare_data import PreparedSweep


def save_best_model(
    output: Output,
    prepared: "PreparedSweep",
    folder: SweepFolder,
    recorded: Sequence[TrialRecord],
    storage: CheckpointStorage | None,
) -> None:
    """Write the winner's model to the folder's `model/`, its config.json last; nothing where none was confirmed."""
    found = best_model_trial(prepared.spec, recorded)
    if found is not None and saved_model_trial(folder) != found.trial.number:
        if storage is not None:
            storage.fetch(trial_folder(folder.path, found.trial))
        _keep(output, prepared, folder, found)
    for one in recorded:
        if one.trial.source_trial:
            delete_trial_files(folder.path, one.trial, model=True, storage=storage)


def saved_model_trial(folder: SweepFolder) -> int | None:
    """The trial whose model is in the folder's `model/`; None where none is, or not all of it."""
    import json

    place = folder.path / "model" / "config.json"
    return int(json.loads(place.read_text(encoding="utf-8"))["trial"]) if place.exists() else None


def _keep(output: Output, prepared: "PreparedSweep", folder: SweepFolder, found: TrialRecord) -> None:
    from sweeper.app.prepare_data import load_training_data, tokenizer_of
    from sweeper.errors import CheckpointError
    from sweeper.training import export
    from sweeper.training.best_model import latest_best_model

    trial, out = found.trial, folder.path / "model"
    data = load_training_data(prepared, [trial.config.encoder], ("train",), step=output.step)[trial.config.encoder]
    saved = latest_best_model(checkpoint_path(trial_folder(folder.path, trial), trial.attempt))
    (out / "config.json").unlink(missing_ok=True)
    try:
        export.export_model(saved, trial.config, data, out)
    except CheckpointError as error:
        output.line(f"{saved.name} cannot be read ({error}); this makes it: sweeper train {folder.path} {trial.number}")
        return
    tokenizer_of(prepared, trial.config.encoder).save(out / "encoder")
    write_json(out / "config.json", {"trial": trial.number, **trial.config.active_params})
