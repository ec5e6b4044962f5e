"""Checks everything that a sweep needs, without training: its data, encoders, MLflow, storage and resources."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sweeper.app.allocation import allocate_resources
from sweeper.app.announcement import data_facts
from sweeper.app.disk_space import checkpoint_disk, require_disk
from sweeper.app.mlflow_sync import check_mlflow, data_identity, shown_uri
from sweeper.app.output_paths import require_sweeps_folder
from sweeper.app.prepare_data import (
    PreparedSweep,
    check_encoder_config,
    fetch_encoder_folder,
    load_training_data,
    prepare_dataset,
)
from sweeper.app.trial_runner import make_runner
from sweeper.data.dataset_description import describe_dataset
from sweeper.data.preprocessing import content_digest
from sweeper.errors import SweeperError
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.checkpoint_storage import check_shared_storage
from sweeper.storage.free_space import free_bytes
from sweeper.storage.sweep_search import find_sweep
from sweeper.terminal.output import Output
from sweeper.terminal.sweeps_table import format_bytes
from sweeper.training.registry import encoder_kind
from sweeper.training.types import TrainingData
from sweeper.trials.resources import TrialResources, describe_resources


def check_data(output: Output, spec: SweepSpec, sweeps: Path) -> list[str]:
    """Print what a sweep would use, and return a line for each thing that is wrong, which would end its run."""
    problems: list[str] = []
    data: dict[str, TrainingData] = {}
    prepared = _fetch(output, spec, problems)
    if prepared is not None:
        for name in (name for name in spec.encoders if name in prepared.encoders or not _is_pretrained(name)):
            with _collected(problems):
                data |= load_training_data(prepared, [name], step=output.step)
                output.line(f"  encoder {name}: can be loaded, and takes max_length {spec.max_tokens}")
        for line in (*_columns(spec), *data_facts(prepared, data), *prepared.description.warnings):
            output.line(f"  {line}")
    with _collected(problems):
        require_sweeps_folder(sweeps)
        _check_mlflow(output, sweeps, spec, prepared)
    with _collected(problems):
        resources, is_remote = _check_resources(output, spec)
        has_every_encoder = set(spec.encoders) <= data.keys()
        _check_disk(output, spec, sweeps, data if has_every_encoder and not is_remote else None, resources.slots)
        if spec.storage is not None:
            _check_storage(output, spec.storage)
    return problems


@contextmanager
def _collected(problems: list[str]) -> Iterator[None]:
    """Add the message of an error of ours to `problems`, and go on after the block."""
    try:
        yield
    except SweeperError as error:
        problems.append(str(error))


def _is_pretrained(encoder: str) -> bool:
    return encoder_kind(encoder).is_pretrained


def _fetch(output: Output, spec: SweepSpec, problems: list[str]) -> PreparedSweep | None:
    """Return the data set with the encoders that are there; None if the data set cannot be used."""
    folders: dict[str, Path] = {}
    for name in filter(_is_pretrained, spec.encoders):
        with _collected(problems):
            check_encoder_config(output, spec, name, None)
            folders[name] = fetch_encoder_folder(output, name, None).value
    with _collected(problems):
        dataset, _ = prepare_dataset(output, spec, None)
        resolved = {"rows": content_digest(dataset)}
        return PreparedSweep(spec, None, dataset, describe_dataset(dataset), folders, resolved)
    return None


def _check_mlflow(output: Output, sweeps: Path, spec: SweepSpec, prepared: PreparedSweep | None) -> None:
    """Print whether MLflow answers; if it does not, runs are sent later. Raises UsageError as a sweep would."""
    datasets = [data_identity(spec, prepared.resolved)] if prepared is not None else []
    with output.step("looking for MLflow"):
        outage = check_mlflow(sweeps, datasets)
    answer = f"{outage}; a sweep would be synced once it is back" if outage else "can take the runs"
    output.line(f"  MLflow at {shown_uri(sweeps)}: {answer}")


def _columns(spec: SweepSpec) -> Iterator[str]:
    dataset = spec.dataset_spec
    yield f"columns: text {' and '.join(dataset.text)}, label {dataset.label}"


def _check_resources(output: Output, spec: SweepSpec) -> tuple[TrialResources, bool]:
    """Print what a trial gets, and return it, with True if that is on the cluster of RAY_ADDRESS.

    Raises UsageError if no node has it.
    """
    resources, is_remote = allocate_resources(output, spec)
    note = resources.note or f"a trial gets {describe_resources(resources.cpu, resources.gpu)}"
    output.line(f"  {note}; {resources.slots} at a time")
    return resources, is_remote


def _check_disk(
    output: Output, spec: SweepSpec, sweeps: Path, data: Mapping[str, TrainingData] | None, slots: int
) -> None:
    """Print the free space, and what checkpoints take. Raises UsageError if they certainly do not fit.

    Without `data`, nothing is known of the checkpoints, or they are not on this machine.
    """
    checkpoints = ""
    if data is not None:
        require_disk(sweeps, find_sweep(sweeps, spec), spec, data, slots)
        most, _ = checkpoint_disk(spec, data, slots)
        checkpoints = f"; checkpoints take up to {format_bytes(most)}"
    output.line(f"  {sweeps}: {format_bytes(free_bytes(sweeps))} free{checkpoints}")


def _check_storage(output: Output, storage: str) -> None:
    """Print that every node can write to the shared storage. Raises UsageError if one cannot."""
    with output.step(f"writing to {storage}"), make_runner(output, inline=True) as runner:
        check_shared_storage(storage, runner.run_on_all_nodes)
    output.line(f"  {storage}: can be written")
