"""The comparison of texts: two are equal if they differ in nothing but case and spaces."""

from sweeper.data.rows import LabelledTexts


def comparable_text(*texts: str) -> str:
    """Return a text for comparison: without case and extra spaces, the two texts of a pair joined by a tab."""
    return "\t".join(" ".join(text.casefold().split()) for text in texts)


def comparable_texts(rows: LabelledTexts) -> list[str]:
    """Return the texts of a split for comparison, (N,)."""
    if rows.pairs is None:
        return [comparable_text(text) for text in rows.texts]
    return [comparable_text(*pair) for pair in zip(rows.texts, rows.pairs, strict=True)]
