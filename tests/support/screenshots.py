"""Pictures of reports at three widths: python -m tests.support.screenshots FOLDER REPORT..."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.browser import Browser, find_chromium

WIDTHS = (390, 800, 1400)
_IS_DRAWN = "[...document.querySelectorAll('.plot')].every(plot => plot.querySelector('.main-svg'))"


def take_screenshots(folder: Path, reports: list[Path]) -> list[Path]:
    """Write the whole page of each report as PNG, at each width, and return the files."""
    program = find_chromium()
    if program is None:
        raise SystemExit("Chromium is not installed; make browser installs it")
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile, Browser(program, Path(profile)) as browser:
        for report in reports:
            for width in WIDTHS:
                browser.resize(width)
                browser.open(report.resolve())
                browser.wait_for(_IS_DRAWN)
                pictures.append(folder / f"{report.parent.name}-{width}.png")
                pictures[-1].write_bytes(browser.screenshot())
    return pictures


if __name__ == "__main__":
    for picture in take_screenshots(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]):
        print(picture)
