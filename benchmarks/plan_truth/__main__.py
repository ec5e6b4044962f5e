"""Compare what `sweeper plan` expects with what `sweeper run` of the same search space then uses.

    python -m benchmarks.plan_truth [SPACE ...] [--out build/plan_truth]

SPACE is a search space with `tracking: {system_metrics: true}`; without one, the five in benchmarks/plan_truth/spaces
are run. Each is planned and run in a folder of its own in OUT. One that has ended is not run again, unless its file has
changed. One that was interrupted begins again with its plan, because its wall time would say nothing. All five take
about a quarter of an hour on two cores. The two of SST-5 need a hub (HF_ENDPOINT) or its cache.

A figure is the plan's expected amount, divided by what the sweep used: epochs of search and confirmation, processor
time of their trainings, wall time of the command, the most memory of the trials side by side, and the most disk of
their checkpoints. The plan's memory and disk are what is needed at most. The last column has the cores that other
work used during the plan and during the run.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.plan_truth.table import table_lines
from benchmarks.plan_truth.truth import Truth, expected_amounts, used_amounts
from benchmarks.plan_truth.watched_command import run_watched
from benchmarks.result_files import file_key, mixture_lines, read_result, write_result
from sweeper.errors import SweeperError, UsageError
from sweeper.protocol.sweep_plan import SweepPlan

SPACES = Path(__file__).with_name("spaces")


def main(words: Sequence[str] | None = None) -> int:
    """Plan and run what is missing, and print the table. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plan_truth", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("spaces", nargs="*", type=Path, metavar="SPACE")
    parser.add_argument("--out", type=Path, default=Path("build/plan_truth"), help="folder of the sweeps")
    arguments = parser.parse_args(words)
    try:
        truths = [find_truth(space, arguments.out) for space in arguments.spaces or sorted(SPACES.glob("*.yaml"))]
    except SweeperError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print("\n".join([*table_lines(truths), *mixture_lines(truth.origin for truth in truths)]))
    return 0


def find_truth(space: Path, out: Path) -> Truth:
    """Return a plan and what its sweep used, from the folder `out` if both have ended, else after running them.

    Raises SweeperError if a command fails, UsageError if the search space cannot be read.
    """
    try:
        text = space.read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise UsageError(f"{space}: cannot be read; name the file of a search space") from None
    folder = out.resolve() / f"{space.stem}-{file_key(text)[:8]}"
    result = read_result(folder, "truth")
    if result is None:
        print(f"{space}: plan and run, in {folder}", file=sys.stderr, flush=True)
        write_result(folder, "truth", asdict(_measure(space, _title(space, text), folder)))
        return find_truth(space, out)
    return Truth(result["name"], result["expected"], result["used"], tuple(result["others"]), result.get("origin"))


def _title(space: Path, text: str) -> str:
    """Return the comment in the first line of a search space, or else the name of the file."""
    first = text.partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else space.stem


def _measure(space: Path, title: str, folder: Path) -> Truth:
    """Plan and run a search space in an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sweeps, plan_file = folder / "sweeps", folder / "plan.json"
    command = [sys.executable, "-m", "sweeper"]
    ending = [str(space.resolve()), "--sweeps", str(sweeps)]
    planned = run_watched([*command, "plan", "--json", *ending], folder / "plan.log", sweeps, plan_file)
    expected = expected_amounts(SweepPlan.model_validate_json(plan_file.read_bytes()))
    watched = run_watched([*command, "run", *ending], folder / "run.log", sweeps)
    (sweep,) = (path.parent for path in sweeps.glob("*/record.journal"))
    return Truth(title, expected, used_amounts(sweep, watched), (planned.others, watched.others))


if __name__ == "__main__":
    sys.exit(main())
