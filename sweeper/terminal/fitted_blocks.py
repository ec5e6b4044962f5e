"""Blocks of lines that are shortened together until they fit the height of a screen."""

from collections.abc import Iterable, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

_MORE = "…"
_LEAST = 3  # lines of a block that may go: a heading, a row, and that there is more

Line = list[Segment]


class Block:
    """Something to draw, with an empty line before it where there is room, unless `has_gap` is False.

    It may be shortened from below to `shortest` lines; None: it stays whole; 0: it may go. Blocks with a lower `turn`
    are shortened first; the empty lines go after those with turn 0.
    """

    def __init__(
        self, parts: Iterable[RenderableType], shortest: int | None = None, turn: int = 0, *, has_gap: bool = True
    ) -> None:
        self.parts, self.shortest, self.turn, self.has_gap = list(parts), shortest, turn, has_gap

    def lines(self, console: Console, options: ConsoleOptions) -> list[Line]:
        """Return the lines of all parts."""
        return [line for part in self.parts for line in console.render_lines(part, options, pad=False)]

    def shortened(self, lines: list[Line], excess: int) -> list[Line]:
        """Return the block's `lines` with up to `excess` fewer."""
        if excess <= 0 or self.shortest is None or len(lines) <= self.shortest:
            return lines
        keep = max(self.shortest, len(lines) - excess)
        if self.shortest == 0 and keep < _LEAST:
            return []
        return [*lines[: keep - 1], [Segment(_MORE)]]


class FittedBlocks:
    """Blocks one below the other. Without a height, they are drawn whole."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = [block for block in blocks if block.parts]

    def draw(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the segments of all blocks, in at most `options.height` lines where that is possible."""
        drawn = [block.lines(console, options.update(height=None)) for block in self.blocks]
        gaps = [index > 0 and block.has_gap for index, block in enumerate(self.blocks)]
        if options.height is not None:
            self._shorten(drawn, options.height - sum(gaps), [block for block in self.blocks if block.turn == 0])
            if sum(map(len, drawn)) + sum(gaps) > options.height:
                gaps = [False] * len(gaps)
                self._shorten(drawn, options.height, self.blocks)
        for has_gap, lines in zip(gaps, drawn, strict=True):
            for line in [*([[]] if has_gap and lines else []), *lines]:
                yield from line
                yield Segment.line()

    def _shorten(self, drawn: list[list[Line]], height: int, blocks: Sequence[Block]) -> None:
        """Cut some blocks from below, in their turn, until all have `height` lines together or none can be cut."""
        for block in sorted(blocks, key=lambda block: block.turn):
            index = self.blocks.index(block)
            drawn[index] = block.shortened(drawn[index], sum(map(len, drawn)) - height)
