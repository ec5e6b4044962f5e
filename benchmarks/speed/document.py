"""Write the table of docs/benchmarks/speed.md from the kept results.

    python -m benchmarks.speed.document [--results benchmarks/speed/results] [--anyway]

A run of some rows is enough: the results in the folder are joined, and of a case that was measured twice the newest one
counts. A result of a machine that others used right before a row is refused, unless `--anyway` is given.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.speed.cases import SWEEPER, CaseResult
from benchmarks.speed.machine import IDLE
from benchmarks.speed.result import HEADER, RESULTS, BenchmarkResult, format_number, read_result

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks" / "speed.md"
BEGIN, END = "<!-- made by benchmarks.speed.document -->", "<!-- end -->"


def main() -> int:
    """Replace the table in the page. Returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--results", type=Path, default=RESULTS, help="folder with the results of one or more runs")
    options.add_argument("--page", type=Path, default=PAGE)
    options.add_argument("--anyway", action="store_true", help="also if others used the machine before a row")
    arguments = options.parse_args()
    files = sorted(arguments.results.glob("*.json"))
    results = [read_result(file) for file in files]
    busy = [file for file, result in zip(files, results, strict=True) if not result.is_idle]
    if busy and not arguments.anyway:
        print(f"{busy[0]}: others used the machine before a row; measure again on an idle one, or add --anyway")
        return 2
    if not results:
        print(f"{arguments.results}: no results are kept there; measure with --out and a file in this folder")
        return 2
    text = arguments.page.read_text(encoding="utf-8")
    arguments.page.write_text(replace_block(text, make_block(results)), encoding="utf-8")
    return 0


def make_block(results: Sequence[BenchmarkResult]) -> str:
    """Return the part of the page that is made from the results of one or more runs."""
    used = _newest_cases(results)
    lines = [
        *_origins(used),
        "",
        "Values are medians of the rounds (or stretches, where a note says so), with the lowest and the highest one.",
        "",
        _table_line((*HEADER, "run")),
        "|" + "---|" * (1 + len(HEADER)),
        *(_table_line((*row, str(number))) for number, result in enumerate(used, start=1) for row in result.table()),
        "",
        *_notes(used),
        *_parts(used),
        *_losses(used),
    ]
    return "\n".join(lines)


def _newest_cases(results: Sequence[BenchmarkResult]) -> list[BenchmarkResult]:
    """Return the results with each case in the newest of them only, and without those that have none left."""
    newest = {case.name: result.at for result in sorted(results, key=lambda it: it.at) for case in result.cases}
    kept = [
        replace(result, cases=[case for case in result.cases if newest[case.name] == result.at]) for result in results
    ]
    return [result for result in kept if result.cases]


def _origins(results: Sequence[BenchmarkResult]) -> list[str]:
    """Return a numbered list of the runs. Where all have the same machine, versions and data, these follow it once."""
    environments = [_environment(result) for result in results]
    if len(set(environments)) == 1:
        runs = [_run(number, result, "") for number, result in enumerate(results, start=1)]
        return [*runs, "", f"All on: {environments[0]}."]
    pairs = zip(results, environments, strict=True)
    return [_run(number, result, f": {environment}") for number, (result, environment) in enumerate(pairs, start=1)]


def _run(number: int, result: BenchmarkResult, environment: str) -> str:
    """Return a list item with the number of a run, the command for the rows that it still supplies, and its day."""
    busy = [f"{case.title} ({100 * case.busy:.0f} %)" for case in result.cases if case.busy > IDLE]
    before = f"right before these cases: {'; '.join(busy)}. Trust ratios, not values."
    others = f" Others used part of the processors {before}" if busy else ""
    return (
        f"{number}. `{_narrowed_command(result)}`, on {result.at[:10]}, {result.settings['rounds']} rounds"
        f"{environment}.{others}"
    )


def _environment(result: BenchmarkResult) -> str:
    """Return the machine, the versions and the data of a run."""
    machine = result.machine
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, accelerator: {machine['accelerator']}; {versions}; "
        f"data: {result.settings['data']}"
    )


def _narrowed_command(result: BenchmarkResult) -> str:
    """Return the command of a run, with only the rows that count of it."""
    rows = dict.fromkeys(case.name.partition("/")[0] for case in result.cases)
    return f"{re.sub(r' --(rows|out)[ =][^ ]+', '', result.command)} --rows {','.join(rows)}"


def _table_line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(text.replace('|', '/') for text in texts)} |"


def _notes(results: Sequence[BenchmarkResult]) -> list[str]:
    """Return a list of the notes on what is compared."""
    notes = [_item(note) for result in results for note in result.notes()]
    return ["What is compared:", "", *notes, ""] if notes else []


def _parts(results: Sequence[BenchmarkResult]) -> list[str]:
    """Return a list of the parts of all arms' values, without those of the training steps."""
    cases = [case for result in results for case in result.cases if not case.more_is_better]
    described = [_item(f"{case.title}: {parts}") for case in cases if (parts := _parts_of(case))]
    return ["Parts of the values, as medians:", "", *described, ""] if described else []


def _losses(results: Sequence[BenchmarkResult]) -> list[str]:
    """Return a list of the peers that are better than sweeper, or a line that there is none; then what failed."""
    losses = [_item(loss) for result in results for loss in result.losses()]
    failures = [_item(failure) for result in results for failure in result.failures()]
    if losses:
        lines = ["Where sweeper is behind:", "", *losses]
    elif any(result.has_compared for result in results):
        lines = [f"Where sweeper is behind: nowhere {'in what was compared' if failures else 'here'}."]
    else:
        lines = ["Where sweeper is behind: nothing was compared."]
    return [*lines, "", "What failed:", "", *failures] if failures else lines


def _item(text: str) -> str:
    return f"- {text[:1].upper()}{text[1:]}."


def _parts_of(case: CaseResult) -> str:
    """Return the parts of each arm's value; nothing if sweeper's has none."""
    if not case.arms[SWEEPER].parts:
        return ""
    return "; ".join(
        f"{arm} {', '.join(f'{format_number(value)} {part}' for part, value in result.parts.items())}"
        for arm, result in case.arms.items()
        if result.parts
    )


def replace_block(page: str, block: str) -> str:
    """Return the page with another block between the two marks. Raises ValueError if a mark is missing."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the marks {BEGIN} and {END}")
    return f"{head}{BEGIN}\n{block}\n{END}{tail}"


if __name__ == "__main__":
    sys.exit(main())
