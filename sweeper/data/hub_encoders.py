"""Pretrained encoders: from a local folder, from an installed package, or from the Hugging Face hub."""

import io
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, is_offline_mode, snapshot_download
from tqdm import tqdm

from sweeper.data.encoder_catalog import PACKAGED_ENCODERS
from sweeper.data.encoder_config import read_encoder_config
from sweeper.data.encoder_folder import SMALL_FILES, folder_digest, weight_patterns
from sweeper.data.file_digest import file_digest
from sweeper.data.hub import Pinned, hub_error, resolve_commit, snapshots_folder
from sweeper.data.hub_models import MODEL_CARD
from sweeper.errors import UnavailableError
from sweeper.home_folder import expand_home

_SHA256 = "sha256:"  # begins the revision of an encoder in a package
DownloadProgress = Callable[[int, int], None]
"""Called with the downloaded and the total number of bytes."""


def fetch_encoder(name: str, revision: str | None = None, progress: DownloadProgress = lambda *_: None) -> Pinned:
    """Return the local folder of an encoder, pinned to its commit; a folder or a package is pinned to a digest.

    `name` is a folder on this machine or a repository on the hub. `progress` is called during a download.
    Raises UnavailableError if the encoder cannot be loaded, or is of a kind that sweeper cannot use.
    """
    local = expand_home(name)
    if local.is_dir():
        read_encoder_config(local, name)
        return Pinned(local.resolve(), folder_digest(local))
    packaged = _find_packaged(name)
    if packaged is not None and revision in (None, packaged.revision):
        return packaged
    return _from_hub(name, revision, lambda commit: _download(name, commit, progress), _has_weights)


def fetch_encoder_config(name: str, revision: str | None = None) -> Path:
    """Return a folder with the configuration and the tokenizer of an encoder, of which no weights are downloaded.

    Arguments and errors are those of `fetch_encoder`.
    """
    local, packaged = expand_home(name), _packaged_folder(name)
    if local.is_dir() or (packaged is not None and (revision or _SHA256).startswith(_SHA256)):
        folder = local if packaged is None or local.is_dir() else packaged
        read_encoder_config(folder, name)
        return folder
    fetched = _from_hub(name, revision, lambda commit: _download_files(name, commit, SMALL_FILES), Path.is_dir)
    return Path(fetched.value)


def _from_hub(
    name: str, revision: str | None, download: Callable[[str], Path], is_complete: Callable[[Path], bool]
) -> Pinned:
    """Return a folder of the hub's cache with an encoder, after `download` of a commit if the hub may be asked."""
    commit = resolve_commit(constants.REPO_TYPE_MODEL, name, revision or constants.DEFAULT_REVISION, is_complete)
    cached = snapshots_folder(constants.REPO_TYPE_MODEL, name) / commit
    try:
        folder = cached if is_offline_mode() else download(commit)
    except Exception as error:
        raise hub_error("encoder", name, error) from error
    read_encoder_config(folder, name)
    return Pinned(folder, commit)


def _has_weights(folder: Path) -> bool:
    """Return False for a folder that `fetch_encoder_config` made, with configuration and tokenizer only."""
    return bool(weight_patterns(path.name for path in folder.iterdir()))


def _packaged_folder(name: str) -> Path | None:
    """Return the folder of an encoder that the extra `offline` has installed. Its package is not imported."""
    encoder = PACKAGED_ENCODERS.get(name)
    package = find_spec(encoder.package) if encoder else None
    if encoder is None or package is None or not package.submodule_search_locations:
        return None
    return Path(package.submodule_search_locations[0]) / encoder.folder


def _find_packaged(name: str) -> Pinned | None:
    """Return an encoder that the extra `offline` has installed, after a check of its weights."""
    encoder, folder = PACKAGED_ENCODERS.get(name), _packaged_folder(name)
    if encoder is None or folder is None:
        return None
    digest = file_digest(folder / constants.SAFETENSORS_SINGLE_FILE)
    if digest != encoder.sha256:
        raise UnavailableError(
            f"encoder {name}: the weights in {folder} are not the published ones (sha256 {digest[:12]}…, expected "
            f"{encoder.sha256[:12]}…); reinstall {encoder.package}, or uninstall it to use the hub"
        )
    read_encoder_config(folder, name)
    return Pinned(folder, f"{_SHA256}{digest}")


def _download(name: str, commit: str, progress: DownloadProgress) -> Path:
    """Download the small files, the model's card, and the weights: one file or shards, safetensors if there are any."""
    files = [file.rfilename for file in HfApi().model_info(name, revision=commit).siblings or []]
    return _download_files(name, commit, [*SMALL_FILES, MODEL_CARD, *weight_patterns(files)], progress)


def _download_files(
    name: str, commit: str, patterns: Sequence[str], progress: DownloadProgress = lambda *_: None
) -> Path:
    bar = _progress_bar(progress)
    return Path(snapshot_download(name, revision=commit, allow_patterns=list(patterns), tqdm_class=bar))


def _progress_bar(progress: DownloadProgress) -> type[Any]:
    """Return a class of tqdm progress bars that draw nothing and call `progress` instead."""

    class SilentBar(tqdm):  # type: ignore[misc]  # tqdm is not typed
        def __init__(self, *arguments: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*arguments, **{**options, "file": io.StringIO(), "disable": False})

        def display(self, *_: Any, **__: Any) -> None:
            if self.unit == "B" and self.total:
                progress(int(self.n), int(self.total))

    return SilentBar
