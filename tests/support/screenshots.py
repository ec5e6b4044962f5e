"""Pictures of reports at four widths, light and dark: python -m tests.support.screenshots FOLDER REPORT..."""

import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.browser import Browser, find_chromium

WIDTHS = (390, 800, 1400, 2000)
SCHEMES = ("light", "dark")
_IS_DRAWN = "[...document.querySelectorAll('.plot')].every(plot => plot.querySelector('.main-svg'))"


def take_screenshots(folder: Path, reports: list[Path]) -> list[Path]:
    """Write the whole page of each report as PNG, at each width, light and dark, and return the files."""
    program = find_chromium()
    if program is None:
        raise SystemExit("Chromium is not installed; make browser installs it")
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile, Browser(program, Path(profile)) as browser:
        for report, width, scheme in product(reports, WIDTHS, SCHEMES):
            browser.resize(width)
            browser.prefer(scheme)
            browser.open(report.resolve())
            browser.wait_for(_IS_DRAWN)
            pictures.append(folder / f"{report.parent.name}-{width}-{scheme}.png")
            pictures[-1].write_bytes(browser.screenshot())
    return pictures


if __name__ == "__main__":
    for picture in take_screenshots(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]):
        print(picture)
