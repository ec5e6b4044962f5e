"""Show where a loss is sensitive: shares of variance, maps and ranges of scores, as one page with one picture.

    python -m benchmarks.sensitivity ROWS.parquet ... [--out build/sensitivity.md]

The rows are those of `python -m benchmarks.economy record` or `rows`, one file for each data set. The page is written
to OUT, and the picture beside it into images/.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.arguments import check_at_least
from benchmarks.sensitivity.trainings import read_trainings
from sweeper.errors import SweeperError, UsageError

NO_DIFFERENCE = 1e-6  # scores that are closer to each other are the same


def main(words: Sequence[str] | None = None) -> int:
    """Write the page and the picture. Returns the exit code."""
    arguments = _parse_arguments(words)
    try:
        check_at_least("--resamples", arguments.resamples, 1)
        check_at_least("--permutations", arguments.permutations, 1)
        for path in write_sensitivity(arguments.rows, arguments.out, arguments.resamples, arguments.permutations):
            print(path)
    except SweeperError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def write_sensitivity(files: Sequence[Path], out: Path, resamples: int, permutations: int) -> tuple[Path, Path]:
    """Write the page and the picture, and return their paths. Raises UsageError if there is nothing to analyze."""
    recordings = {path: read_trainings(path) for path in files}
    from benchmarks.sensitivity import page, picture
    from benchmarks.sensitivity.shares import MIN_SETTINGS, analyze

    analyses, skipped = [], []
    for trainings in [each for of_file, _ in recordings.values() for each in of_file]:
        count = len(trainings.scores)
        if count < MIN_SETTINGS:
            skipped.append((trainings, f"it has {count} settings, and an analysis needs {MIN_SETTINGS}"))
        elif np.ptp(trainings.scores) < NO_DIFFERENCE:
            skipped.append((trainings, "all its settings have the same score"))
        else:
            print(f"analyzing {trainings.dataset}, {trainings.loss}: {count} settings", file=sys.stderr, flush=True)
            analyses.append(analyze(trainings, resamples=resamples, permutations=permutations))
    if not analyses:
        names = ", ".join(str(path) for path in files)
        raise UsageError(f"{names}: no loss has {MIN_SETTINGS} settings with different scores; record more of them")
    image = out.parent / "images" / f"{out.stem}.png"
    picture.draw_picture(analyses, image)
    command = " ".join(["python -m benchmarks.sensitivity", *map(str, files), "--out", str(out)])
    origins = {path.stem: origin for path, (_, origin) in recordings.items()}
    out.write_text(
        page.write_page(analyses, origins, skipped, permutations, f"images/{image.name}", command), encoding="utf-8"
    )
    return out, image


def _parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sensitivity",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", type=Path, nargs="+", help="files of recorded rows, one for each data set")
    parser.add_argument(
        "--out", type=Path, default=Path("build/sensitivity.md"), help="the page (build/sensitivity.md)"
    )
    parser.add_argument("--resamples", type=int, default=200, help="resamples of the settings for intervals (200)")
    parser.add_argument("--permutations", type=int, default=99, help="permutations for chance levels (99)")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
