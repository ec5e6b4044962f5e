"""Blocks of lines that are shortened together until they fit the height of a screen."""

from collections.abc import Iterable, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

_MORE = "…"

Line = list[Segment]


class Block:
    """Something to draw, with an empty line before it where there is room.

    It may be shortened from below to `shortest` lines; None: it stays whole. Blocks with a lower `turn` are shortened
    first.
    """

    def __init__(self, parts: Iterable[RenderableType], shortest: int | None = None, turn: int = 0) -> None:
        self.parts, self.shortest, self.turn = list(parts), shortest, turn

    def lines(self, console: Console, options: ConsoleOptions) -> list[Line]:
        """Return the lines of all parts."""
        return [line for part in self.parts for line in console.render_lines(part, options, pad=False)]


class FittedBlocks:
    """Blocks one below the other. Without a height, they are drawn whole."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = [block for block in blocks if block.parts]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        drawn = [block.lines(console, options.update(height=None)) for block in self.blocks]
        gap: list[Line] = [[]]
        if options.height is not None:
            self._shorten(drawn, options.height - len(drawn) + 1)
            if sum(map(len, drawn)) + len(drawn) - 1 > options.height:
                gap = []
                self._shorten(drawn, options.height)
        for index, lines in enumerate(drawn):
            for line in [*(gap if index else []), *lines]:
                yield from line
                yield Segment.line()

    def _shorten(self, drawn: list[list[Line]], height: int) -> None:
        """Cut blocks from below, in their turn, until all have `height` lines together or none can be cut."""
        order = sorted(range(len(drawn)), key=lambda index: self.blocks[index].turn)
        for index in order:
            excess, shortest = sum(map(len, drawn)) - height, self.blocks[index].shortest
            if excess <= 0:
                return
            if shortest is not None and len(drawn[index]) > shortest:
                keep = max(shortest, len(drawn[index]) - excess)
                drawn[index] = [*drawn[index][: keep - 1], [Segment(_MORE)]]
