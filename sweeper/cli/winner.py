"""The model of a sweep: of its best confirmed setting, the seed that is best on validation, kept when all is scored.

It was chosen on validation alone. The other models that confirmation left are removed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeper.attempt import forget, trial_folder
from sweeper.cli.screen import Screen
from sweeper.confirmation import champion
from sweeper.folder import SweepFolder, write
from sweeper.ports import Storage
from sweeper.values import Recorded

if TYPE_CHECKING:
    from sweeper.cli.prepare import Prepared


def keep_winner(
    screen: Screen, prepared: "Prepared", folder: SweepFolder, recorded: Sequence[Recorded], storage: Storage | None
) -> None:
    """Write the winner's model to the folder's `model/`, its config.json last; nothing where none was confirmed."""
    found = champion(prepared.spec, recorded)
    if found is not None and kept(folder) != found.trial.number:
        if storage is not None:
            storage.fetch(trial_folder(folder.path, found.trial))
        _keep(screen, prepared, folder, found)
    for one in recorded:
        if one.trial.confirms:
            forget(folder.path, one.trial, model=True, storage=storage)


def kept(folder: SweepFolder) -> int | None:
    """The trial whose model is in the folder's `model/`; None where none is, or not all of it."""
    import json

    place = folder.path / "model" / "config.json"
    return int(json.loads(place.read_text(encoding="utf-8"))["trial"]) if place.exists() else None


def _keep(screen: Screen, prepared: "Prepared", folder: SweepFolder, found: Recorded) -> None:
    from sweeper.cli.prepare import materialise, tokenizer_of
    from sweeper.errors import CheckpointError
    from sweeper.learn import keep
    from sweeper.learn.train import newest_model

    trial, out = found.trial, folder.path / "model"
    data = materialise(prepared, [trial.config.encoder], ("train",), step=screen.step)[trial.config.encoder]
    saved = newest_model(trial_folder(folder.path, trial) / f"checkpoint-{trial.attempt}.pt")
    (out / "config.json").unlink(missing_ok=True)
    try:
        keep.keep(saved, trial.config, data, out)
    except CheckpointError as error:
        screen.line(f"{saved.name} cannot be read ({error}); this makes it: sweeper train {folder.path} {trial.number}")
        return
    tokenizer_of(prepared, trial.config.encoder).save(out / "encoder")
    write(out / "config.json", {"trial": trial.number, **trial.config.used})
