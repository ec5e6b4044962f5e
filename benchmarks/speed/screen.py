"""The table on the screen."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.speed.cases import SWEEPER, CaseResult
from benchmarks.speed.result import HEADER, BenchmarkResult, format_arm, format_number


def show_progress(console: Console, case: CaseResult) -> None:
    """Show one case as soon as it is measured, with the parts of each value."""
    console.print(f"[bold]{escape(case.title)}[/bold], {case.unit}", highlight=False)
    for name, arm in case.arms.items():
        parts = ", ".join(f"{format_number(value)} {part}" for part, value in arm.parts.items())
        ratio = case.speedup(name) if name != SWEEPER else None
        shown = "" if ratio is None else f"  x {ratio:.2f}"
        console.print(escape(f"  {name:<22} {format_arm(arm)}{shown}  {parts}"), highlight=False)


def show_result(console: Console, result: BenchmarkResult) -> None:
    """Show the machine, the table, the notes on what is compared, where sweeper loses, and what failed."""
    machine = result.machine
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    idle = "" if result.is_idle else "; in use by others before a row: trust ratios, not values"
    table = Table(*HEADER, caption=f"{machine['processor']}, {machine['cores']} cores{idle}\n{versions}")
    for column in (2, 4, 5):
        table.columns[column].justify = "right"
    for column in (2, 3, 4):
        table.columns[column].no_wrap = True
    for row in result.table():
        style = "red" if row[5] and float(row[5]) < 1 else ""
        table.add_row(*(escape(text) for text in row), style=style)
    console.print(table)
    for note in result.notes():
        console.print(escape(note), highlight=False)
    for line in result.losses():
        console.print(f"[red]behind:[/red] {escape(line)}", highlight=False)
    for line in result.failures():
        console.print(f"[red]failed:[/red] {escape(line)}", highlight=False)
    if not result.has_compared:
        console.print("nothing was compared")
    elif not result.losses() and not result.failures():
        console.print("sweeper is behind none of its peers")
    console.print(f"median of each arm, lowest and highest value in brackets; {result.seconds / 60:.0f} minutes")
