"""The table of plans and their sweeps."""

from collections.abc import Sequence

from benchmarks.plan_truth.truth import AMOUNTS, Truth


def table_lines(truths: Sequence[Truth]) -> list[str]:
    """Return a Markdown table: of each amount what was expected and, in brackets, used, divided by each other."""
    heads = [f"{amount}, {unit}" if unit else amount for amount, unit in AMOUNTS.items()]
    lines = [f"| {' | '.join(['sweep', *heads, 'other work, cores'])} |", "|---" * (len(heads) + 2) + "|"]
    for truth in truths:
        cells = [_cell(truth, amount) for amount in AMOUNTS]
        others = ", ".join("–" if cores is None else f"{cores:.1f}" for cores in truth.others)
        lines.append(f"| {' | '.join([truth.name, *cells, others])} |")
    return lines


def _cell(truth: Truth, amount: str) -> str:
    """Return the ratio with both amounts, such as 1.11 (100 / 90)."""
    ratio = f"{truth.ratio(amount):.2f}".removeprefix("0")
    return f"{ratio} ({truth.expected[amount]:,.0f} / {truth.used[amount]:,.0f})"
