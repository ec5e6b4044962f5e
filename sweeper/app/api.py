"""The Python API: load a search space, run it, open its results. `sweeper` exports all of it.

import sweeper

spec = sweeper.load("search_spaces/sst5.yaml", overrides=["budget.trials=8"])
results = sweeper.run(spec)
results.trials()                # a pandas DataFrame, one row per trial
results.table().to_markdown()
results.table().to_pandas()     # one row per cell
"""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import PrivateAttr

from sweeper.app.api_arguments import require_load_arguments, require_spec
from sweeper.app.show_sweep import take_snapshot
from sweeper.app.specs import load_spec
from sweeper.app.stop_sweep import stop_sweep, stop_trial
from sweeper.app.sweep_list import current_results, summarize
from sweeper.protocol.data_frame import data_frame
from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.sweep_summary import SweepSummary
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.storage.sweep_names import find_named_sweep
from sweeper.training.config import Scalar

if TYPE_CHECKING:
    import pandas as pd

    from sweeper.reporting.table.results_table import ResultsTable


class StoredResults(SweepResults):
    """The results of a sweep with its folder, whose stored predictions the published table needs."""

    _folder: SweepFolder = PrivateAttr()

    @classmethod
    def of(cls, folder: SweepFolder, results: SweepResults) -> "StoredResults":
        """Return results together with the folder that they come from."""
        stored = cls.model_construct(**dict(results))
        stored._folder = folder
        return stored

    @property
    def path(self) -> Path:
        """The sweep's folder."""
        return self._folder.path

    def table(self, metric: str | None = None) -> "ResultsTable":
        """Return the published table by a metric of the test split, such as macro_f1 or `f1/joy`. Raises UsageError.

        The default is accuracy, or macro_f1 where a text has any number of labels.
        """
        from sweeper.app.published_table import sweep_table

        self._folder.require_present()
        return sweep_table(self._folder, self, metric)


@dataclass(frozen=True)
class Sweep:
    """A sweep in its folder, running or finished."""

    folder: SweepFolder

    def __fspath__(self) -> str:
        """Return the path of its folder, so that functions that take a sweep by its folder take this too."""
        return str(self.path)

    @property
    def path(self) -> Path:
        """The sweep's folder."""
        return self.folder.path

    @property
    def spec(self) -> SweepSpec:
        """The search space as it was last run."""
        return self.folder.read_spec()

    @property
    def results(self) -> StoredResults:
        """The results so far, also while the sweep runs. Each use reads the record again."""
        return StoredResults.of(self.folder, current_results(self.folder, self.spec))

    @property
    def summary(self) -> SweepSummary:
        """The state of the sweep now, its best score, age and size."""
        return summarize(self.folder)

    def watch(self, *, progress: bool = True) -> SweepSummary:
        """Wait until nobody drives the sweep, and return its state then. `progress` prints a line for each trial."""
        from sweeper.app.watch_sweep import watch_sweep
        from sweeper.terminal.output import PlainOutput

        return watch_sweep(PlainOutput(progress=progress), self.folder).summary

    def stop(self, trial: int | None = None) -> None:
        """Stop the sweep where it is driven, or one trial of its search. Returns once it has stopped.

        Raises UsageError for a trial that cannot be stopped, SweeperError if the driver ends before it answers.
        """
        if trial is None:
            stop_sweep(self.folder)
        else:
            stop_trial(self.folder, trial)

    def clone(self, trial: int, **changes: Scalar) -> int:
        """Add one more trial to the search, trial `trial` with some values changed by a user, and return its number.

        A running sweep starts it next; of another, `run` does. Raises UsageError for a value outside the search space,
        and once the test split was scored.
        """
        from sweeper.app.clone_trial import clone_trial

        return clone_trial(self.folder, trial, changes).number

    def reports(self, trial: int) -> "pd.DataFrame":
        """Return one row per validation of a trial: its epoch, and its metrics as in MLflow. Raises UsageError."""
        snapshot = take_snapshot(self.folder)
        rows = [{"epoch": report.epoch, **report.metrics} for report in snapshot.record(trial).reports]
        return data_frame(rows, ("epoch", snapshot.results.objective))


def load(path: str | Path, overrides: Sequence[str] = ()) -> SweepSpec:
    """Return the checked search space in a YAML file, or the shipped one of this name.

    Args:
        path: the file, or a name such as `quickstart`; a path wins.
        overrides: keys to replace, each as `KEY.PATH=VALUE`, for example `budget.trials=8`.

    Raises:
        SearchSpaceError: one line for each mistake, with file, line, key, value, rule and remedy.
        UsageError: there is no such file, or an argument is of another type.
    """
    require_load_arguments(path, overrides)
    return load_spec(path, overrides)


def run(
    spec: SweepSpec,
    *,
    sweeps: str | Path = "sweeps",
    inline: bool = False,
    fresh: bool = False,
    progress: bool = True,
) -> StoredResults:
    """Run a sweep, or continue it where it stopped, and return its results: the same as `sweeper run`.

    Args:
        spec: the search space, from `load`.
        sweeps: the folder where sweeps are kept; MLflow's database lies beside them unless MLFLOW_TRACKING_URI is set.
        inline: run trials in this process, without Ray.
        fresh: start a new sweep beside an earlier one of the same search space.
        progress: print a line for each step and each trial that ends.

    Raises:
        SweepFailedError: nothing in the sweep succeeded; `open` gives what it did, and calling `run` again tries again.
        SweeperError: the sweep could not finish; what it did is in its record.
        UsageError: the input is wrong, or another process runs this sweep.
        SweepInterrupted: Ctrl-C, a signal or `sweeper stop` has stopped it; calling `run` again continues it.
    """
    from sweeper.app.run_sweeps import run_sweeps
    from sweeper.terminal.output import PlainOutput

    require_spec(spec, "run")
    (completed,) = run_sweeps(PlainOutput(progress=progress), [spec], Path(sweeps), inline=inline, fresh=fresh)
    return StoredResults.of(_at_absolute_path(completed.folder), completed.results)


def open(path: str | PathLike[str], *, sweeps: str | Path = "sweeps") -> Sweep:
    """Return the sweep in a folder such as `sweeps/sst5-3f9a1c2e`, or of this name in the folder `sweeps`.

    Raises UsageError if there is none.
    """
    return Sweep(_at_absolute_path(find_named_sweep(path, Path(sweeps))))


def _at_absolute_path(folder: SweepFolder) -> SweepFolder:
    """Return the same folder, which is still found after the program has changed its working directory."""
    return SweepFolder(folder.path.absolute(), folder.manifest)
