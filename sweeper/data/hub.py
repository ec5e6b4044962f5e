"""The Hugging Face hub: what a name stands for now, and an encoder as a local folder.

Everything is fetched once, on the driver: workers need no hub. What was fetched is pinned to a commit, so that a sweep
goes on with what it began with, from the cache where the hub cannot be reached.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from tqdm import tqdm

from sweeper.data.catalog import ENCODERS, PACKAGED_ENCODERS
from sweeper.errors import UnavailableError
from sweeper.wording import allowed_hint

DownloadProgress = Callable[[int, int], None]

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # in the order of preference
_SMALL = ("*.json", "*.txt", "*.model", "*.vocab", "*.bpe")
_COMMIT = re.compile("[0-9a-f]{40}")
_ABSENT = (RepositoryNotFoundError, RevisionNotFoundError, GatedRepoError)


class Pinned(NamedTuple):
    """Something fetched: what it is, and the commit (or digest) that pins it."""

    value: Any
    revision: str


def fetch_encoder(name: str, revision: str | None = None, progress: DownloadProgress = lambda *_: None) -> Pinned:
    """The local folder of an encoder, and its commit; for a folder on this machine, itself and a digest.

    `progress` hears of a download's bytes, so far and in all. Raises UnavailableError where it cannot be had, or is no
    encoder that sweeper can use.
    """
    local = Path(name).expanduser()
    if local.is_dir():
        return Pinned(_usable(local.resolve(), name), _folder_digest(local))
    installed = _installed(name)
    if installed is not None and revision in (None, installed.revision):
        return installed
    commit = resolve_commit("model", name, revision or "main")
    try:
        folder = _snapshots("model", name) / commit if constants.HF_HUB_OFFLINE else _download(name, commit, progress)
    except Exception as error:
        raise hub_error("encoder", name, error) from error
    return Pinned(_usable(Path(folder), name), commit)


def _installed(name: str) -> Pinned | None:
    """An encoder that the extra `offline` has installed, its weights checked; its package is not imported."""
    offline = PACKAGED_ENCODERS.get(name)
    found = find_spec(offline.package) if offline else None
    if offline is None or found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / offline.folder
    with (folder / _WEIGHTS[0]).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != offline.sha256:
        raise UnavailableError(
            f"encoder {name}: the weights in {folder} are not the published ones (sha256 {digest[:12]}…, expected "
            f"{offline.sha256[:12]}…); reinstall {offline.package}, or uninstall it to use the hub"
        )
    return Pinned(_usable(folder, name), f"sha256:{digest}")


def _download(name: str, commit: str, progress: DownloadProgress) -> str:
    """Fetch the small files and the weights: safetensors where there are any, in one file or in shards."""
    names = [file.rfilename for file in HfApi().model_info(name, revision=commit).siblings or []]
    shards = "*.safetensors" if any(file.endswith(".safetensors") for file in names) else "pytorch_model*.bin"
    weights = next((weights for weights in _WEIGHTS if weights in names), shards)
    folder = snapshot_download(name, revision=commit, allow_patterns=[*_SMALL, weights], tqdm_class=_bars(progress))
    return str(folder)


def _usable(folder: Path, name: str) -> Path:
    settings = json.loads(_read(folder / "config.json", name))
    if settings.get("is_encoder_decoder"):
        raise UnavailableError(f"encoder {name}: is an encoder-decoder; sweeper takes encoders, such as {ENCODERS[0]}")
    return folder


def _read(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise UnavailableError(
            f"encoder {name}: {path.name} is missing in {path.parent}; name a model's folder"
        ) from None


def _folder_digest(folder: Path) -> str:
    sha = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        sha.update(path.name.encode())
        with path.open("rb") as file:
            sha.update(hashlib.file_digest(file, "sha256").digest())
    return sha.hexdigest()[:16]


def resolve_commit(kind: str, repository: str, revision: str) -> str:
    """The commit that `revision` stands for now.

    Where the hub cannot be reached and the cache has the repository, the rest of this process works from the cache.
    """
    try:
        api = HfApi()
        info = api.dataset_info if kind == "dataset" else api.model_info
        return str(info(repository, revision=revision, timeout=20).sha)
    except Exception as error:
        cached = _cached(kind, repository, revision)
        if cached is None or isinstance(error, _ABSENT):
            what = "data set" if kind == "dataset" else "encoder"
            raise hub_error(what, repository, error) from error
        constants.HF_HUB_OFFLINE = True
        return cached


def _snapshots(kind: str, repository: str) -> Path:
    return Path(constants.HF_HUB_CACHE) / f"{kind}s--{repository.replace('/', '--')}" / "snapshots"


def _cached(kind: str, repository: str, revision: str) -> str | None:
    """The commit `revision` where the cache has it; for a branch, the newest commit there."""
    folder = _snapshots(kind, repository)
    commits = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime) if folder.is_dir() else []
    names = [path.name for path in commits]
    if revision in names:
        return revision
    return names[-1] if names and not _COMMIT.fullmatch(revision) else None


def hub_error(what: str, repository: str, error: Exception) -> UnavailableError:
    """One line for everything that a hub can answer, with what to do."""
    hub = constants.ENDPOINT
    if isinstance(error, UnavailableError):
        return error
    if isinstance(error, GatedRepoError):
        return UnavailableError(f"{what}: {repository} is gated; accept its terms on {hub} and set HF_TOKEN")
    if isinstance(error, _ABSENT) or "401" in str(error):
        near = (
            allowed_hint(ENCODERS, repository)
            if what == "encoder"
            else "see its page, or set HF_TOKEN if it is private"
        )
        return UnavailableError(f"{what}: {hub} has no {repository}; {near}")
    missing = isinstance(error, FileNotFoundError) and not isinstance(error, LocalEntryNotFoundError)
    if not missing and (isinstance(error, (OfflineModeIsEnabled, OSError)) or _transport(error)):
        remedy = "connect, point HF_ENDPOINT at a hub, or fill the cache (HF_HOME) on a machine that is connected"
        return UnavailableError(f"{what}: {repository} is not in the cache and {hub} cannot be reached; {remedy}")
    return UnavailableError(f"{what}: {repository} cannot be loaded: {_line(error)}")


def _transport(error: Exception) -> bool:
    """Whether the error is of the hub's HTTP client, whichever of its generations is installed."""
    return any(kind.__name__ == "TransportError" for kind in type(error).__mro__)


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}"


def _bars(progress: DownloadProgress) -> type[Any]:
    """A progress bar that draws nothing: it tells `progress` the bytes so far and in all."""

    class Bar(tqdm):  # type: ignore[misc]  # tqdm is not typed
        def __init__(self, *arguments: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*arguments, **{**options, "file": io.StringIO(), "disable": False})

        def display(self, *_: Any, **__: Any) -> None:
            if self.unit == "B" and self.total:
                progress(int(self.n), int(self.total))

    return Bar
