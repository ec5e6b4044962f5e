"""The README's picture is drawn from the record of a sweep."""

import html
import re
import sys
from pathlib import Path

import pytest

import sweeper
from docs.picture import main, record_at
from sweeper.trials.outcome import Outcome
from tests.support.fake_sweeps import FakeSweep

SPACE = """
dataset: feelings
compare: {encoder: [rnn], loss: [ce]}
search: {learning_rate: {log: [1e-3, 1e-2]}}
training: {epochs: 1, max_length: 32}
limit: {train: 120, validation: 48}
budget: {trials: 2}
confirm: {seeds: 1}
"""

pytestmark = pytest.mark.mlflow


def test_the_picture_shows_the_sweep_at_a_moment_and_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "space.yaml").write_text(SPACE, encoding="utf-8")
    spec = sweeper.load(tmp_path / "space.yaml")
    results = sweeper.run(spec, sweeps=tmp_path / "sweeps", inline=True, progress=False)

    picture = tmp_path / "picture.svg"
    monkeypatch.setattr(sys, "argv", ["picture", str(results.path), "--at", "1", "--out", str(picture)])
    main()

    written = re.findall(r"<text[^>]*>([^<]*)</text>", picture.read_text(encoding="utf-8"))
    text = " ".join(html.unescape(" ".join(written)).split())
    assert re.search(r"search ━+ 2/2 confirmation ━+ 1/1 test ━+ 1/1", text)
    assert f"{results.sweep}: best per system by" in text
    rows = [" ".join(line.split()) for line in results.table().to_markdown().splitlines() if line.startswith("|")]
    assert all(row in text for row in rows)


def test_a_record_at_a_moment_has_only_what_was_reported_by_then(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE, encoding="utf-8")
    (record, *_) = FakeSweep(sweeper.load(tmp_path / "space.yaml")).search([Outcome.COMPLETED]).records
    first, last = record.report_times[0], record.ended_at
    assert last is not None
    assert record_at(record, first - 1).reports == ()
    assert list(record_at(record, first).reports) == list(record.reports[:1])
    assert record_at(record, last - 1).end is None
    assert record_at(record, last) == record
