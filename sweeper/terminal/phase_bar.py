"""Draws the phases of a sweep as bars on one line, those to come included."""

from collections.abc import Sequence

from rich.text import Text

from sweeper.terminal.progress import PhaseProgress

_DONE, _OPEN = "━", "─"
_MIN_BAR = 3  # columns
_SEPARATOR = "  "


def phase_bar(phases: Sequence[PhaseProgress], current: str, width: int) -> Text:
    """Return each phase with its bar and its count; the bars share what is left of `width` by the phases' trials.

    Where the bars have no room, only the counts are shown.
    """
    counts = [f"{phase.done}/{phase.total}" for phase in phases]
    texts = sum(len(phase.name) + len(count) + 2 for phase, count in zip(phases, counts, strict=True))
    room = width - texts - len(_SEPARATOR) * (len(phases) - 1)
    lengths = _share(room, [phase.weight for phase in phases])
    line = Text(no_wrap=room >= _MIN_BAR * len(phases), overflow="fold")
    for phase, count, length in zip(phases, counts, lengths, strict=True):
        line.append(_SEPARATOR if line.plain else "")
        line.append(f"{phase.name} ", style="bold" if phase.name == current else "")
        if room >= _MIN_BAR * len(phases):
            done = length if phase.done >= phase.total else min(length - 1, length * phase.done // phase.total)
            line.append(_DONE * done, style="green")
            line.append(f"{_OPEN * (length - done)} ", style="dim")
        line.append(count)
    return line


def _share(room: int, weights: Sequence[float]) -> list[int]:
    """Return whole numbers that add up to `room` where that is possible, each at least the shortest bar."""
    spare = max(0, room - _MIN_BAR * len(weights))
    ends = [round(spare * sum(weights[: index + 1]) / sum(weights)) for index in range(len(weights))]
    return [_MIN_BAR + end - start for start, end in zip([0, *ends], ends, strict=False)]
