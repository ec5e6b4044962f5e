"""The disk that checkpoints need, as planned from a search space."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.app.disk_space import checkpoint_disk, require_disk
from sweeper.errors import UsageError
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.training.parameter_count import count_parameters
from tests.support import tiny_training
from tests.support.recorded_sweeps import RecordedSweep
from tests.support.search_spaces import small_spec


@pytest.mark.parametrize(
    ("changes", "copies"),
    [
        ({}, 0),
        ({"training": {"epochs": 6, "average": "last"}}, 0),
        ({"training": {"epochs": 6, "average": "ema"}}, 1),
        ({"training": {"epochs": 6, "average": "soup", "validations_per_epoch": 2}}, 12),
        ({"search": {"average": ["best", "ema", "soup"], "epochs": {"int": [2, 7]}}, "training": {}}, 7),
        ({"training": {"epochs": 6}, "search": {"average": ["best", "ema"]}}, 1),
    ],
    ids=str,
)
def test_averages_count_at_their_most(changes: dict[str, Any], copies: int) -> None:
    spec = small_spec(
        compare={"encoder": ["m"], "loss": ["ce"]}, confirm={"seeds": 0}, asha="off", **{"search": {}, **changes}
    )
    data = tiny_training.data()
    data = replace(data, encoder=replace(data.encoder, width=32))
    config = spec.train_config(spec.systems[0], seed=0, threads=1)
    parameters = count_parameters(config, data)
    assert checkpoint_disk(spec, {"m": data}, slots=1)[0] == 2 * (12 + 4 * copies) * parameters


def test_a_sweep_is_refused_for_what_it_can_still_write_alone(tmp_path: Path) -> None:
    data = tiny_training.data()
    data = replace(data, encoder=replace(data.encoder, width=10**15))  # more weights than any disk has room for
    sweep = RecordedSweep(tmp_path, compare={"encoder": ["m"], "loss": ["ce", "scl"]}, budget={"trials": 2})

    def require(folder: SweepFolder | None) -> None:
        require_disk(tmp_path, folder, sweep.spec, {"m": data}, slots=2)

    message = "but the checkpoints take at least"
    with pytest.raises(UsageError, match=message):
        require(None)
    with pytest.raises(UsageError, match=message):
        require(sweep.folder)
    sweep.search()  # four trainings with fresh seeds are left
    with pytest.raises(UsageError, match=message):
        require(sweep.folder)
    sweep.finish()
    require(sweep.folder)


def test_the_memory_of_past_batches_counts_for_losses_that_have_one() -> None:
    data = tiny_training.data()
    data = replace(data, encoder=replace(data.encoder, width=32))
    needs = []
    for loss in ("scl", "ce"):
        compare = {"encoder": ["m"], "loss": [loss]}
        spec = small_spec(compare=compare, search={"memory": [0, 100]}, confirm={"seeds": 0}, asha="off")
        parameters = count_parameters(spec.train_config(spec.systems[0], seed=0, threads=1), data)
        needs.append(checkpoint_disk(spec, {"m": data}, slots=1)[0] - 2 * 12 * parameters)
    assert needs == [2 * 4 * 100 * 32, 0]
