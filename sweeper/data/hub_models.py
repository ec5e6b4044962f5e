"""A model in a folder as the Hugging Face hub has it: its card, and its upload. Uses huggingface_hub."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.errors import SweeperError

MODEL_CARD = "README.md"


def write_model_card(folder: Path, metadata: Mapping[str, Any], text: str) -> None:
    """Write the folder's README.md: `metadata` as the hub reads it, and `text` in Markdown."""
    from huggingface_hub import ModelCard, ModelCardData

    values = ModelCardData(pipeline_tag="text-classification", tags=["sweeper"], **metadata)
    ModelCard(f"---\n{values.to_yaml()}\n---\n\n{text}").save(folder / MODEL_CARD)


def read_licence(folder: Path) -> str | None:
    """Return the licence that a model's card names, such as "apache-2.0"; "" if it names none, None without a card.

    Bytes that are not UTF-8, as in an old card's text, are replaced. Raises OSError if the card cannot be read.
    """
    try:
        text = (folder / MODEL_CARD).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, IsADirectoryError):
        return None
    from huggingface_hub import ModelCard  # after the card was found: a sweep that starts without one needs no import

    try:
        values = ModelCard(text, ignore_metadata_errors=True).data
    except Exception:  # whatever YAML or the hub's library does not take
        return ""
    named = values.get("license")
    if named == "other":
        named = values.get("license_name") or named
    licences = named if isinstance(named, list) else [] if named is None else [named]
    return ", ".join(" ".join(str(licence).split()) for licence in licences)


def push_model(folder: Path, name: str) -> str:
    """Upload a folder to the model `name` of the hub, which is made if it is missing, and return its address.

    Raises SweeperError if the hub does not take it.
    """
    from huggingface_hub import HfApi

    try:
        api = HfApi()
        address = str(api.create_repo(name, exist_ok=True))
        api.upload_folder(repo_id=name, folder_path=folder, commit_message="Add the model that sweeper trained")
    except Exception as error:  # the hub's, the HTTP library's, or a name that cannot be
        reason = " ".join(str(error).split())[:200]
        raise SweeperError(
            f"--push {name}: the hub does not take the model ({reason}); it is in {folder}: set HF_TOKEN, or run "
            "hf auth login, and push again"
        ) from error
    return address
