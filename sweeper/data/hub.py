"""The Hugging Face hub: the commit that a name stands for now, the cache, and errors in plain words.

Everything is fetched once, on the driver; workers need no hub. Each download is pinned to a commit, so that a sweep
continues with the files it started with, from the cache if the hub cannot be reached.
"""

import os
import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from sweeper.data.encoder_catalog import ENCODERS, SCRATCH_ENCODERS
from sweeper.errors import UnavailableError
from sweeper.wording import allowed_hint

_COMMIT = re.compile("[0-9a-f]{40}")
_NOT_ON_HUB = (RepositoryNotFoundError, RevisionNotFoundError, GatedRepoError)
_GATED = "is a gated dataset on the Hub"  # in the error that the library `datasets` raises in place of GatedRepoError
_UNKNOWN_CONFIG = re.compile(r"BuilderConfig '?(.*?)'? not found\. Available: \[(.*)\]", re.DOTALL)
_LONGEST_ERROR = 200  # characters


class Pinned(NamedTuple):
    """Something fetched, with the commit or digest that pins its content."""

    value: Any
    revision: str


def resolve_commit(
    repo_type: str, repository: str, revision: str, is_complete: Callable[[Path], bool] = lambda _: True
) -> str:
    """Return the commit that a revision of a repository stands for now. `repo_type` is "model" or "dataset".

    If the hub cannot be reached but the cache has the repository, return the cached commit; from then on this process
    works offline, from the cache. Folders of the cache that are not complete do not count. Raises UnavailableError if
    neither has it.
    """
    try:
        api = HfApi()
        get_info = api.dataset_info if repo_type == constants.REPO_TYPE_DATASET else api.model_info
        return str(get_info(repository, revision=revision, timeout=20).sha)
    except Exception as error:
        commit = _cached_commit(snapshots_folder(repo_type, repository), revision, is_complete)
        if commit is None or isinstance(error, _NOT_ON_HUB):
            subject = "data set" if repo_type == constants.REPO_TYPE_DATASET else "encoder"
            raise hub_error(subject, repository, error) from error
        constants.HF_HUB_OFFLINE = True  # huggingface_hub reads it at each request
        return commit


def snapshots_folder(repo_type: str, repository: str) -> Path:
    """Return the folder of the cache that has a folder for each downloaded commit of a repository."""
    name = constants.REPO_ID_SEPARATOR.join([f"{repo_type}s", *repository.split("/")])
    return Path(constants.HF_HUB_CACHE) / name / "snapshots"


def _cached_commit(folder: Path, revision: str, is_complete: Callable[[Path], bool]) -> str | None:
    """Return `revision` if it is a commit in the cache. For a branch, return the newest commit in the cache."""
    cached = [path for path in folder.iterdir() if path.is_dir() and is_complete(path)] if folder.is_dir() else []
    snapshots = sorted(cached, key=lambda path: path.stat().st_mtime)
    commits = [path.name for path in snapshots]
    if revision in commits:
        return revision
    return commits[-1] if commits and not _COMMIT.fullmatch(revision) else None


def hub_error(subject: str, repository: str, error: Exception) -> UnavailableError:
    """Return any error of the hub as one line with the remedy. `subject` is what was fetched, such as "encoder"."""
    hub = constants.ENDPOINT
    if isinstance(error, UnavailableError):
        return error
    if isinstance(error, GatedRepoError) or _GATED in str(error):
        return UnavailableError(f"{subject}: {repository} is gated; accept its terms on {hub} and set HF_TOKEN")
    if isinstance(error, _NOT_ON_HUB) or "401" in str(error):
        is_encoder = subject == "encoder"
        remedy = _name_encoder(repository) if is_encoder else "see its page, or set HF_TOKEN if it is private"
        return UnavailableError(f"{subject}: {hub} has no {repository}; {remedy}")
    if isinstance(error, HFValidationError):
        rule = "is a file, not the folder of a model" if Path(repository).is_file() else "is no name of the hub's"
        remedy = _name_encoder(repository) if subject == "encoder" else "write it as ORG/NAME"
        return UnavailableError(f"{subject}: {repository} {rule}; {remedy}")
    if unknown := _UNKNOWN_CONFIG.match(str(error)):
        names = re.findall(r"'([^']*)'", unknown[2])
        return UnavailableError(
            f"{subject}: {repository} has no configuration {unknown[1]}, {allowed_hint(names, unknown[1])}"
        )
    if _is_offline_by_request():
        return UnavailableError(
            f"{subject}: {repository} is not in the cache, and HF_HUB_OFFLINE={os.environ['HF_HUB_OFFLINE']} forbids "
            f"asking {hub}; unset it, or fill the cache (HF_HOME) first"
        )
    if _is_connection_error(error):
        remedy = "connect, point HF_ENDPOINT at a hub, or fill the cache (HF_HOME) on a machine that is connected"
        return UnavailableError(f"{subject}: {repository} is not in the cache and {hub} cannot be reached; {remedy}")
    text = " ".join(str(error).split())
    return UnavailableError(
        f"{subject}: {repository} cannot be loaded: {type(error).__name__}: {text[:_LONGEST_ERROR]}"
    )


def _name_encoder(name: str) -> str:
    """Return what to write in place of an encoder's name that the hub does not have."""
    near = get_close_matches(name.lower(), (*ENCODERS, *SCRATCH_ENCODERS), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"name one that is there, such as {ENCODERS[0]}, a folder, {' or '.join(SCRATCH_ENCODERS)}{hint}"


def _is_offline_by_request() -> bool:
    """Return True if the user's environment switches the hub off. `resolve_commit` sets the constant alone."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in constants.ENV_VARS_TRUE_VALUES


def _is_connection_error(error: Exception) -> bool:
    """Return True if the hub could not be reached. A file that is missing on a hub that answers is another error.

    huggingface_hub has changed its HTTP client, so the client's error is recognized by the name of its class.
    """
    if isinstance(error, FileNotFoundError) and not isinstance(error, LocalEntryNotFoundError):
        return False
    is_http_error = any(base.__name__ == "TransportError" for base in type(error).__mro__)
    return is_http_error or isinstance(error, (OfflineModeIsEnabled, OSError))
