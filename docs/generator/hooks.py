"""Hooks of mkdocs: add the generated reference and the pages outside docs/ to the site, and make their links fit."""

import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # mkdocs loads this file by its path, and only then has the folder of the project

from docs.generator.links import outside_files, rewrite_links  # noqa: E402
from docs.generator.pages import PAGES  # noqa: E402


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference and every file outside docs/ that a page links to."""
    for uri, build in PAGES.items():
        files.append(File.generated(config, uri, content=build()))
    for uri in outside_files():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / uri)))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Change links to the paths of the site."""
    return rewrite_links(markdown, page.file.src_uri, lambda uri: files.get_file_from_path(uri) is not None)
