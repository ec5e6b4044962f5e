"""Texts that something might read as markup, or a terminal might obey, as names and messages may be."""

from hypothesis import strategies

_PIECES = (
    "<b>", "</script>", "<!--", "&lt;", "&amp;", "&#65;", "[bold]", "[/]", "[link=x]", ":dog:", "$5_$6", r"\frac{",
    "{}", "%{x}", "%s", "{0}", "|", "`", "``", "*", "**", "_a_", "__", "~~", "# ", "- ", "1. ", "> ", "![x](y)",
    "<http://a.b>", "\\", "\\n", "'", '"', "=1+1", "\x1b[31m", "\x1b]0;t\x07", "\x00", "\r", "\x9b", "\u202e",
    "\ud800", "سلبي", "很好", "é", " ", "a",
)  # fmt: skip

NASTY_TEXTS = strategies.lists(strategies.sampled_from(_PIECES) | strategies.text(max_size=3), max_size=6).map("".join)
