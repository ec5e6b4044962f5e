"""Write the table of docs/benchmarks.md from the result of a run.

    python -m benchmarks.speed.document [--result benchmarks/speed/result.json] [--anyway]

A result of a machine that others used at the same time is refused, unless `--anyway` is given.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.speed.cases import SWEEPER
from benchmarks.speed.result import HEADER, BenchmarkResult, format_number, read_result

RESULT = Path(__file__).with_name("result.json")
PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- made by benchmarks.speed.document -->", "<!-- end -->"


def main() -> int:
    """Replace the table in the page. Returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--result", type=Path, default=RESULT)
    options.add_argument("--page", type=Path, default=PAGE)
    options.add_argument("--anyway", action="store_true", help="also if others used the machine")
    arguments = options.parse_args()
    result = read_result(arguments.result)
    if not result.is_idle and not arguments.anyway:
        print(f"{arguments.result}: others used the machine; measure again on an idle one, or add --anyway")
        return 2
    text = arguments.page.read_text(encoding="utf-8")
    arguments.page.write_text(replace_block(text, make_block(result)), encoding="utf-8")
    return 0


def make_block(result: BenchmarkResult) -> str:
    """Return the part of the page that is made from a result."""
    machine = result.machine
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    lines = [
        f"Measured on {result.at[:10]} with `{result.command}` in {result.seconds / 60:.0f} minutes: "
        f"{machine['processor']}, {machine['cores']} cores, accelerator: {machine['accelerator']}; {versions}. "
        f"Data: {result.settings['data']}. Medians of {result.settings['rounds']} rounds, with the lowest and the "
        "highest value.",
        *([] if result.is_idle else ["Other processes used the machine at the same time: trust ratios, not values."]),
        "",
        f"| {' | '.join(HEADER)} |",
        f"|{'---|' * len(HEADER)}",
        *(f"| {' | '.join(text.replace('|', '/') for text in row)} |" for row in result.table()),
        "",
        *_parts(result),
        f"Where sweeper is behind: {'; '.join(result.losses()) or 'nowhere in this table'}.",
    ]
    return "\n".join(lines)


def _parts(result: BenchmarkResult) -> list[str]:
    """Return a paragraph with the parts of the values that have some, without those of the training steps."""
    described = [
        f"{case.title}: " + ", ".join(f"{format_number(value)} {name}" for name, value in parts.items())
        for case in result.cases
        if (parts := case.arms[SWEEPER].parts) and not case.more_is_better
    ]
    return [f"Parts of sweeper's values. {'; '.join(described)}.", ""] if described else []


def replace_block(page: str, block: str) -> str:
    """Return the page with another block between the two marks. Raises ValueError if a mark is missing."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the marks {BEGIN} and {END}")
    return f"{head}{BEGIN}\n{block}\n{END}{tail}"


if __name__ == "__main__":
    sys.exit(main())
