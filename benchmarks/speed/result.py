"""The result of a run: one JSON file, from which the screen's table and the documentation's are made."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.speed.cases import SWEEPER, ArmResult, CaseResult
from benchmarks.speed.machine import IDLE
from benchmarks.speed.peak_memory import PEAK_MEMORY

RESULTS = Path(__file__).with_name("results")  # the kept ones, from which the documentation's table is made


@dataclass
class BenchmarkResult:
    """The cases that were measured, with the machine and the settings of the run. `at` is in UTC."""

    at: str
    command: str
    machine: dict[str, Any]
    settings: dict[str, Any]
    seconds: float
    cases: list[CaseResult]

    @property
    def is_idle(self) -> bool:
        """True if others hardly used the machine right before each case. It does not say what they did during one."""
        return all(case.busy <= IDLE for case in self.cases)

    def losses(self) -> list[str]:
        """Return a line for each peer that is better than sweeper, and for each that needs less memory."""
        return [line for case in self.cases for peer in case.peers for line in _losses_to(case, peer)]

    def failures(self) -> list[str]:
        """Return a line for each arm that failed, with its error."""
        arms = ((case.title, name, arm.error) for case in self.cases for name, arm in case.arms.items())
        return [f"{title}: {name} failed: {error}" for title, name, error in arms if error]

    @property
    def has_compared(self) -> bool:
        """True if a value of sweeper stands beside one of a peer."""
        return any(case.speedup(peer) is not None for case in self.cases for peer in case.peers)

    def table(self) -> list[tuple[str, ...]]:
        """Return the rows of the table as texts: what, unit, sweeper, peer, the peer's value, ratio."""
        return [row for case in self.cases for row in _rows_of(case)]

    def notes(self) -> list[str]:
        """Return a line for each note: the first comparison that has it, how many more there are, and the note."""
        titles: dict[str, list[str]] = {}
        for case in self.cases:
            titles.setdefault(case.note, []).append(case.title)
        return [f"{_first_of(names)}: {note}" for note, names in titles.items() if note]

    def write(self, path: Path) -> None:
        """Write the result as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


HEADER = ("what", "unit", "sweeper", "beside", "its value", "times as good")


def read_result(path: Path) -> BenchmarkResult:
    """Read a result that `BenchmarkResult.write` wrote."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    cases = [
        CaseResult(**{**case, "arms": {name: ArmResult(**arm) for name, arm in case["arms"].items()}})
        for case in stored.pop("cases")
    ]
    return BenchmarkResult(**stored, cases=cases)


def format_arm(arm: ArmResult) -> str:
    """Return the median with the lowest and the highest value, or why there is none."""
    if not arm.values:
        return arm.error or arm.left_out or "not measured"
    low, high = min(arm.values), max(arm.values)
    spread = f" ({format_number(low)}-{format_number(high)})" if len(arm.values) > 1 else ""
    return f"{format_number(arm.median)}{spread}"


def format_number(value: float) -> str:
    """Return a number with three significant digits and no exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or not value else f"{value:.1g}"


def _losses_to(case: CaseResult, peer: str) -> list[str]:
    """Return a line for the value and one for the peak memory in which a peer is better than sweeper."""
    ratio, lines = case.speedup(peer), []
    if ratio is not None and ratio < 1:
        lines.append(f"{case.title}: {peer} is {1 / ratio:.2f} times as good")
    ours, theirs = (case.arms[name].parts.get(PEAK_MEMORY) for name in (SWEEPER, peer))
    if ours is not None and theirs is not None and theirs < ours:
        amounts = f"{format_number(ours)} GiB of memory, {peer} {format_number(theirs)}"
        lines.append(f"{case.title}: sweeper needs {amounts}")
    return lines


def _first_of(titles: list[str]) -> str:
    """Return the first of some titles, and the number of the others."""
    others = {0: "", 1: ", and 1 other like it"}
    return titles[0] + others.get(len(titles) - 1, f", and {len(titles) - 1} others like it")


def _rows_of(case: CaseResult) -> list[tuple[str, ...]]:
    """Return a row for each peer, or one row if there is none."""
    ours = case.arms[SWEEPER]
    head = (case.title, case.unit, format_arm(ours))
    if not case.peers:
        return [(*head, "", "", "")]
    rows: list[tuple[str, ...]] = []
    for number, peer in enumerate(case.peers):
        ratio = case.speedup(peer)
        shown = "" if ratio is None else f"{ratio:.2f}"
        rows.append((*(head if number == 0 else ("", "", "")), peer, format_arm(case.arms[peer]), shown))
    return rows
