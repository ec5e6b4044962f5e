"""Mistakes on the command line: one plain line that says what is right, and exit code 2."""

from pathlib import Path

import pytest

from sweeper.cli import app
from tests.support.cli_runner import sweeper


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["rnu"], ["sweeper: no such command", "did you mean run?", "sweeper --help"]),
        (["remove", "x"], ["sweeper: no such command remove; did you mean rm?"]),
        (["frobnicate"], ["sweeper: no such command frobnicate, allowed: new, run,"]),
        (["--versoin"], ["sweeper: no such option --versoin; did you mean --version?"]),
        (["table", "--zzz"], ["no such option --zzz; sweeper table --help"]),
        (["train", "name", "--seed", "9" * 20], ["--seed", "less than or equal to 9223372036854775807"]),
        (["run"], ["sweeper run: missing argument", "sweeper run --help"]),
        (["run", "x.yaml", "--inlin"], ["no such option --inlin; did you mean --inline?"]),
        (["run", "x.yaml", "--sweeps"], ["'--sweeps' requires an argument"]),
        (["train", "name", "best"], ["sweeper train: invalid value", "must be a valid integer", "got best"]),
        (["train", "name", "1", "2"], ["unexpected extra argument", "2"]),
        (["ui", "--port", "99999"], ["--port", "65535", "99999"]),
        (["sync", "name", "--wait", "-3"], ["--wait", "-3"]),
        (["table", "--metric", "acuracy"], ["acuracy is unknown", "did you mean accuracy?"]),
        (["table", "--format", "[red]"], ["[red] is unknown", "md"]),
    ],
    ids=" ".join,
)
def test_a_usage_error_is_one_line(arguments: list[str], says: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(arguments, prog_name="sweeper")
    out, err = capsys.readouterr()
    assert (ended.value.code, out, len(err.splitlines())) == (2, "", 1)
    assert [text for text in says if text.lower() not in err.lower()] == [], err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["jobs"], "--address: is missing"),
        (["submit", "quickstart", "--address", "auto"], "http://HEAD:8265"),
        (["report", "nope"], "nope: not a sweep, and sweeps does not exist"),
        (["train", "nope", "--sweeps", "file"], "--sweeps file: is a file"),
        (["ui", "--sweeps", "file"], "--sweeps file: is a file"),
        (["table", "--out", "."], "--out .: is a folder"),
        (["run", "quickstart", "--inline", "--sweeps", "/proc/x"], "--sweeps /proc/x: /proc cannot be written"),
    ],
    ids=" ".join,
)
def test_a_wrong_path_or_address_is_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = sweeper(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
    assert says in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
