"""The contents of a user's file, unpacked if it is packed. To add a kind of packing, add an entry to PACKINGS."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NamedTuple

from sweeper.errors import UnavailableError

_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}
_SIGNATURES = {b"PK\x03\x04": "a zip file or a spreadsheet", b"\x1f\x8b": "a gzip file", b"PAR1": "a Parquet file"}


class DecodedText(NamedTuple):
    """The text of a file. If the file is not UTF-8, the text has surrogates."""

    text: str
    is_utf8: bool


@dataclass(frozen=True)
class SourceFile:
    """A file of a user: its path for messages, the suffix of its format (.csv of reviews.csv.gz), and its bytes."""

    path: Path
    suffix: str
    content: bytes

    def decode(self) -> "DecodedText":
        """Return the text. Bytes that are not UTF-8 become surrogates, so that they spoil only their own row.

        Raises UnavailableError if the file is in another encoding, or is no text at all.
        """
        for mark, encoding in _BYTE_ORDER_MARKS.items():
            if self.content.startswith(mark):
                raise UnavailableError(f"{self.path}: is {encoding}, not UTF-8; save the file as UTF-8")
        for signature, kind in _SIGNATURES.items():
            if self.content.startswith(signature):
                raise UnavailableError(f"{self.path}: is {kind}, not text; give it the suffix of its format")
        try:
            return DecodedText(self.content.decode("utf-8-sig"), is_utf8=True)
        except UnicodeDecodeError:
            return DecodedText(self.content.decode("utf-8-sig", errors="surrogateescape"), is_utf8=False)

    def byte_offset(self, text: str, offset: int) -> int:
        """Return the place in `content` of an offset in the decoded text."""
        mark = len(BOM_UTF8) if self.content.startswith(BOM_UTF8) else 0
        return mark + len(text[:offset].encode("utf-8", errors="surrogateescape"))


def open_source(path: Path) -> SourceFile:
    """Read a file, unpacked. Raises OSError, and UnavailableError if it cannot be unpacked."""
    content = path.read_bytes()
    unpack = PACKINGS.get(path.suffix.lower())
    if unpack is None:
        return SourceFile(path, path.suffix.lower(), content)
    inner = PurePath(path.stem)
    try:
        name, content = unpack(content, inner.name)
    except (OSError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnavailableError(f"{path}: cannot be unpacked: {reason}; pack it again, or name another") from None
    return SourceFile(path, (PurePath(name).suffix or inner.suffix).lower(), content)


def strip_packing(path: Path) -> Path:
    """Return the path without the suffix of a packing: reviews.csv for reviews.csv.gz."""
    return path.with_suffix("") if path.suffix.lower() in PACKINGS else path


def _unpack_zip(content: bytes, name: str) -> tuple[str, bytes]:
    """Return name and contents of the only file in a zip file. Files that macOS adds do not count."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        names = [member.filename for member in packed.infolist() if not member.filename.endswith("/")]
        names = [name for name in names if not name.startswith("__MACOSX/") and PurePath(name).name != ".DS_Store"]
        if len(names) != 1:
            listed = f" ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})" if names else ""
            raise ValueError(f"needs one file in it, got {len(names)}{listed}")
        return names[0], packed.read(names[0])


PACKINGS: Mapping[str, Callable[[bytes, str], tuple[str, bytes]]] = {
    ".gz": lambda content, name: (name, gzip.decompress(content)),
    ".bz2": lambda content, name: (name, bz2.decompress(content)),
    ".xz": lambda content, name: (name, lzma.decompress(content)),
    ".zip": _unpack_zip,
}
"""By suffix: a function of the bytes of a file and its name without the suffix, which returns name and bytes."""
