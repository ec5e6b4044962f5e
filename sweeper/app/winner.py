"""A sweep's winner by the predictions in its folder, and the block that names it at the end of a run."""

import itertools
from operator import itemgetter
from pathlib import Path

from sweeper.app.best_model import saved_model_trial, stored_model_uri
from sweeper.app.folder_predictions import finished_sweep
from sweeper.app.mlflow_sync import tracking_uri
from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.table.systems import name_systems
from sweeper.reporting.winner import Winner, describe_winner, find_winner
from sweeper.storage.sweep_folder import SweepFolder


def winner_of_folder(folder: SweepFolder, results: SweepResults) -> Winner | None:
    """Return the winner of a sweep, by the stored predictions of its models; None if no setting was confirmed."""
    return find_winner(results, finished_sweep(folder, results).lead_predictions)


def winner_block(folder: SweepFolder, results: SweepResults) -> list[str]:
    """Return the lines that name the winner and show how to use its model; none if nothing was confirmed."""
    winner = winner_of_folder(folder, results)
    if winner is None:
        return []
    names = name_systems(results)
    labelled = [*describe_winner(winner, results, names), *(("use it", line) for line in _usage_lines(folder))]
    lines = [f"the winner, by its fresh seeds on validation: {names[winner.system]}"]
    for label, texts in itertools.groupby(labelled, key=itemgetter(0)):
        first, *others = (text for _, text in texts)
        lines += [f"  {label:<11} {first}", *(f"  {'':<11} {text}" for text in others)]
    return lines


def _usage_lines(folder: SweepFolder) -> list[str]:
    """Return the lines of Python that load the best model: from MLflow, if it is there, and its encoder."""
    if saved_model_trial(folder) is None:
        return []
    lines, uri, encoder = [], stored_model_uri(folder), folder.path / "model" / "encoder"
    if uri is not None:
        store = tracking_uri(folder.path.parent)
        if "@" not in store:  # a password is never shown; MLFLOW_TRACKING_URI has it
            lines.append(f"mlflow.set_tracking_uri({store!r})")
        rows = "['text']" if len(folder.read_spec().dataset_spec.text) == 1 else "[['text', 'another']]"
        lines.append(f"mlflow.pyfunc.load_model({uri!r}).predict({rows})")
    if _is_pretrained(encoder):
        lines.append(f"transformers.AutoModel.from_pretrained({str(encoder)!r})  # the encoder alone")
    return lines


def _is_pretrained(encoder: Path) -> bool:
    """Return True if transformers can load the encoder: rnn and gru have no config.json."""
    return (encoder / "config.json").exists()
