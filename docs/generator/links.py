"""Links between the site and files of the project outside docs/, such as cluster/README.md.

On the site such a file has the same path as in the project: cluster/README.md becomes a page, cluster/node.sh a file.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")


def outside_files() -> Iterator[str]:
    """Yield the path of every file outside docs/ that a page links to, directly or over other such files."""
    waiting, known = list(DOCS.rglob("*.md")), set[Path]()
    while waiting:
        for target in _targets(waiting.pop()):
            if target not in known and DOCS not in target.parents:
                known.add(target)
                yield target.relative_to(ROOT).as_posix()
                if target.suffix == ".md":
                    waiting.append(target)


def rewrite_links(markdown: str, source: str, exists: Callable[[str], bool]) -> str:
    """Return a page with its links changed to the paths of the site.

    `source` is the page's path on the site, and `exists` tells which paths the site has. Other links stay.
    """
    page = _project_path(source)

    def rewrite(match: re.Match[str]) -> str:
        target = _resolve(page, match[2])
        if target is None:
            return match[0]
        uri = target.relative_to(DOCS if DOCS in target.parents else ROOT).as_posix()
        if not exists(uri):
            return match[0]
        return f"{match[1]}{os.path.relpath(uri, os.path.dirname(source) or '.')}{match[3] or ''}{match[4]}"  # noqa: PTH120

    return _LINK.sub(rewrite, markdown)


def _project_path(uri: str) -> Path:
    """Return the file of the project that is at `uri` on the site."""
    return DOCS / uri if (DOCS / uri).exists() or uri.startswith("reference/") else ROOT / uri


def _targets(page: Path) -> Iterator[Path]:
    for match in _LINK.finditer(page.read_text(encoding="utf-8")):
        target = _resolve(page, match[2])
        if target is not None:
            yield target


def _resolve(page: Path, link: str) -> Path | None:
    """Return the file that a relative link leads to; of a folder, its first file. None for any other link."""
    if "://" in link or link.startswith("mailto:"):
        return None
    target = (page.parent / link).resolve()
    if target.is_dir():
        target = min(path for path in target.iterdir() if path.is_file())
    generated = DOCS in target.parents and target.parent.name == "reference"
    return target if ROOT in target.parents and (target.is_file() or generated) else None
