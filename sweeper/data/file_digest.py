"""The digest of a file, by which a change of its bytes is noticed."""

import hashlib
from pathlib import Path


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal. It is read in pieces, so its size does not matter for memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
