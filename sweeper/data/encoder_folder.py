"""The files of an encoder that is a folder on this machine: those that sweeper loads, and their digest."""

import hashlib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

SMALL_FILES = ("*.json", "*.txt", "*.model", "*.vocab", "*.bpe")  # configuration and tokenizer
_SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")  # in order of preference
_SHARDS = ("model-*.safetensors", "pytorch_model-*.bin")


def weight_patterns(names: Iterable[str]) -> Sequence[str]:
    """Return the patterns of the weights to load among these files: safetensors first, one file or its shards."""
    names = list(names)
    for single, shards in zip(_SINGLE_FILES, _SHARDS, strict=True):
        if single in names:
            return (single,)
        if any(fnmatch(name, shards) for name in names):
            return (shards,)
    return ()


def needed_files(folder: Path) -> list[Path]:
    """Return the files of an encoder's folder that sweeper loads, by name: small files and one kind of weights.

    Everything else stays out: weights for other libraries, hidden files, and folders such as .git.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    patterns = (*SMALL_FILES, *weight_patterns(path.name for path in files))
    return [path for path in files if any(fnmatch(path.name, pattern) for pattern in patterns)]


def folder_digest(folder: Path) -> str:
    """Return a digest (16 hex digits) of the names and contents of the files that sweeper loads from a folder."""
    sha = hashlib.sha256()
    for path in needed_files(folder):
        sha.update(path.name.encode())
        with path.open("rb") as file:
            sha.update(hashlib.file_digest(file, "sha256").digest())
    return sha.hexdigest()[:16]
