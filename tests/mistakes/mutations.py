"""Files that were right and were then altered by a few edits: bytes changed, cut, repeated and inserted."""

from dataclasses import dataclass

from hypothesis import strategies as st

_WORDS = "\0 : { } [ ] \" ' , - &a *a !!x nan null true -1 1e999 # % <<: \u202eé"
_INSERTS = [*(word.encode() for word in _WORDS.split(" ")), b"", b"\n", b"\t", b" ", b"9" * 30, b"\xff\xfe", b"  - "]


@dataclass(frozen=True)
class Edit:
    """One edit at a share of the file: `length` bytes there are replaced, repeated or moved to its end."""

    at: float
    length: int
    kind: str
    text: bytes

    def apply(self, content: bytes) -> bytes:
        start = int(self.at * len(content))
        before, part, after = content[:start], content[start : start + self.length], content[start + self.length :]
        if self.kind == "repeat":
            return before + part * 2 + after
        if self.kind == "move":
            return before + after + part
        if self.kind == "cut":
            return before
        return before + self.text + after


EDITS = st.lists(
    st.builds(
        Edit,
        at=st.floats(0, 1),
        length=st.sampled_from([0, 0, 1, 1, 2, 5, 20, 200]),
        kind=st.sampled_from(["replace"] * 6 + ["repeat", "move", "cut"]),
        text=st.one_of(st.sampled_from(_INSERTS), st.binary(max_size=3)),
    ),
    min_size=1,
    max_size=4,
)


def mutate(content: bytes, edits: list[Edit]) -> bytes:
    """Return the content after these edits in turn."""
    for edit in edits:
        content = edit.apply(content)
    return content
