"""The benchmark's own logic: turns, medians, ratios, tables and the command line, with arms that measure nothing."""

import ast
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.instant.trial_clock import STRETCHES, TrialClock
from benchmarks.speed import __main__ as command
from benchmarks.speed import document, machine, registry, screen
from benchmarks.speed.cases import SWEEPER, Arm, ArmResult, Case, CaseResult, Measurement, run_case
from benchmarks.speed.commands import journal_has, seconds_to_end, seconds_until
from benchmarks.speed.peak_memory import PEAK_MEMORY, peak_memory
from benchmarks.speed.processes import ArmProcess
from benchmarks.speed.result import HEADER, RESULTS, BenchmarkResult, format_number, read_result
from benchmarks.speed.rows import cold_start, resume
from benchmarks.speed.rows.gpu_search import search_command
from benchmarks.speed.rows.growth import sizes
from benchmarks.speed.settings import Settings
from sweeper.search_space import parser, yaml_file
from tests.conftest import ROOT


def fixed(name: str, *values: float, calls: list[str] | None = None) -> Arm:
    """Return an arm that measures these values in turn."""
    left = list(values)

    def measure(seed: int) -> Measurement:
        if calls is not None:
            calls.append(f"{name} {seed}")
        return Measurement(left.pop(0), {"ms": 10.0 * seed})

    return Arm(name, measure)


def broken(_: int) -> Measurement:
    raise RuntimeError("no such\nlibrary")


def result_of(*cases: CaseResult) -> BenchmarkResult:
    return BenchmarkResult(
        "2026-01-02T03:04:05", "python -m benchmarks.speed --rows a,b --out kept.json",
        {"processor": "P|1", "cores": 2, "accelerator": "none", "versions": {"torch": "2"}},
        {"data": "sst5", "rounds": 3}, 60.0, list(cases),
    )  # fmt: skip


def test_arms_take_turns_and_another_one_begins_each_round() -> None:
    calls: list[str] = []
    case = Case("c", "C", "s", [fixed("sweeper", 1, 2, calls=calls), fixed("peer", 3, 4, calls=calls)])
    run_case(case, (7, 8), busy=0)
    assert calls == ["sweeper 7", "peer 7", "peer 8", "sweeper 8"]


def test_an_arm_that_fails_says_why_and_the_others_go_on() -> None:
    result = run_case(Case("c", "C", "s", [fixed(SWEEPER, 1, 2), Arm("peer", broken)]), (0, 1), busy=0)
    assert result.arms["peer"].error == "RuntimeError: no such library"
    assert result.arms[SWEEPER].values == [1, 2]
    assert result.speedup("peer") is None
    assert result_of(result).table()[0][3:] == ("peer", "RuntimeError: no such library", "")


@pytest.mark.parametrize(
    ("more_is_better", "ours", "theirs", "expected"),
    [(True, (10, 20, 90), (9, 10, 11), 2.0), (False, (10, 20, 90), (9, 10, 11), 0.5), (False, (0,), (1,), None)],
)
def test_the_ratio_is_that_of_the_medians_and_above_one_where_sweeper_is_better(
    more_is_better: bool, ours: tuple[float, ...], theirs: tuple[float, ...], expected: float | None
) -> None:
    case = Case("c", "C", "u", [fixed(SWEEPER, *ours), fixed("peer", *theirs)], more_is_better)
    assert run_case(case, range(len(ours)), busy=0).speedup("peer") == expected


def test_what_sweeper_loses_is_listed_and_a_result_is_read_back_as_it_was(tmp_path: Path) -> None:
    won = run_case(Case("a", "won", "s", [fixed(SWEEPER, 1, 2, 3), fixed("peer", 4, 5, 6)]), (0, 1, 2), busy=0)
    lost = run_case(Case("b", "lost", "s", [fixed(SWEEPER, 10), fixed("peer", 4), fixed("other", 20)]), (0,), busy=0)
    result = result_of(won, lost)
    result.write(tmp_path / "result.json")
    assert read_result(tmp_path / "result.json") == result
    assert result.losses() == ["lost: peer is 2.50 times as good"]
    assert result.table()[0] == ("won", "s", "2 (1-3)", "peer", "5 (4-6)", "2.50")
    assert won.arms[SWEEPER].parts == {"ms": 10.0}


def test_only_a_machine_that_is_idle_before_each_case_counts_as_idle() -> None:
    cases = [run_case(Case("a", "A", "s", [fixed(SWEEPER, 1)]), (0,), busy) for busy in (0.01, 0.4)]
    assert result_of(cases[0]).is_idle
    assert not result_of(*cases).is_idle
    assert 0 <= machine.busy_share(0.02) <= 1


def test_time_that_the_host_takes_away_counts_as_used(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["cpu  10 5 10 100 5 0 0 0 0 0\n", "cpu  20 5 20 150 5 5 5 20 0 0\n"])
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: next(lines))
    assert machine.busy_share(0) == 0.5


def document_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[int, str]:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["document", "--results", str(tmp_path / "results"), "--page", str(page)])
    return document.main(), page.read_text(encoding="utf-8")


def test_the_page_gets_the_table_and_keeps_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy, idle = (
        run_case(Case("a", "A", "s", [fixed(SWEEPER, 1), fixed("peer", 2)]), (0,), share) for share in (0.9, 0.0)
    )
    warned = document.make_block([result_of(busy)])
    assert "Others used part of the processors right before these cases: A (90 %). Trust ratios" in warned
    assert document_page(monkeypatch, tmp_path)[0] == 2  # nothing is kept yet
    result_of(busy).write(tmp_path / "results" / "all.json")
    code, written = document_page(monkeypatch, tmp_path)
    assert (code, "old" in written) == (2, True)
    result_of(idle).write(tmp_path / "results" / "all.json")
    code, written = document_page(monkeypatch, tmp_path)
    assert code == 0
    assert written.startswith(f"before\n{document.BEGIN}\n1. `")
    assert written.endswith(f"{document.END}\nafter\n")
    assert "old" not in written
    assert f"| {' | '.join(HEADER)} | run |" in written
    assert "Where sweeper is behind: nowhere here." in written


def test_runs_of_some_rows_are_joined_and_of_a_case_the_newest_counts() -> None:
    first, again, other = (
        run_case(Case(name, name.upper(), "s", [fixed(SWEEPER, value)]), (0,), busy=0)
        for name, value in (("a", 1), ("a", 2), ("b", 3))
    )
    old, new = result_of(first, other), replace(result_of(again), at="2027-01-01T00:00:00+00:00")
    for results in ([old, new], [new, old]):
        block = document.make_block(results)
        numbers = {result.at: number for number, result in enumerate(results, start=1)}
        assert f"| B | s | 3 |  |  |  | {numbers[old.at]} |" in block
        assert f"| A | s | 2 |  |  |  | {numbers[new.at]} |" in block
        assert "| A | s | 1 |" not in block
        assert f"{numbers[old.at]}. `python -m benchmarks.speed --rows b`, on" in block
    assert document.make_block([result_of(first), new]).count(". `") == 1


def test_what_all_runs_share_is_said_once() -> None:
    first, second = (run_case(Case(name, name.upper(), "s", [fixed(SWEEPER, 1)]), (0,), busy=0) for name in ("a", "b"))
    runs = [result_of(first), result_of(second)]
    environment = f"{runs[0].machine['processor']}, {runs[0].machine['cores']} cores"
    assert document.make_block(runs).count(environment) == 1
    elsewhere = replace(runs[1], machine={**runs[1].machine, "processor": "another one"})
    block = document.make_block([runs[0], elsewhere])
    assert f"rounds: {environment}" in block
    assert "rounds: another one, " in block


def test_parts_of_all_arms_are_shown_and_a_larger_peak_of_memory_is_a_loss() -> None:
    arms = {
        name: ArmResult([value], {PEAK_MEMORY: memory})
        for name, value, memory in ((SWEEPER, 1.0, 0.7), ("small", 2.0, 0.4), ("large", 3.0, 0.9))
    }
    result = result_of(CaseResult("loading", "loading", "s", False, "", 0.0, arms))
    assert result.losses() == ["loading: sweeper needs 0.7 GiB of memory, small 0.4"]
    assert f"- Loading: sweeper 0.7 {PEAK_MEMORY}; small 0.4 {PEAK_MEMORY}; large 0.9" in document.make_block([result])


def test_notes_stand_below_the_table_on_the_screen_and_on_the_page() -> None:
    first, second, other = (
        run_case(Case(name, name.upper(), "s", [fixed(SWEEPER, 1)], note=note), (0,), busy=0)
        for name, note in (("a/1", "the peer checks nothing"), ("a/2", "the peer checks nothing"), ("b", ""))
    )
    result, shown = result_of(first, second, other), StringIO()
    screen.show_result(Console(width=120, file=shown), result)
    assert "A/1, and 1 other like it: the peer checks nothing" in shown.getvalue()
    assert "\n- A/1, and 1 other like it: the peer checks nothing.\n" in document.make_block([result])


def test_the_documentation_has_the_table_of_the_results_that_are_kept() -> None:
    page = document.PAGE.read_text(encoding="utf-8")
    results = [read_result(file) for file in sorted(RESULTS.glob("*.json"))]
    block = document.make_block(results) if results else "No result"
    assert f"{document.BEGIN}\n{block}" in page


@pytest.mark.parametrize("arms", [[fixed(SWEEPER, 1)], [fixed(SWEEPER, 1), Arm("peer", broken)], []])
def test_a_result_that_compares_nothing_says_so(arms: list[Arm]) -> None:
    cases = [run_case(Case("a", "A", "s", arms), (0,), busy=0)] if arms else []
    result, shown = result_of(*cases), StringIO()
    screen.show_result(Console(width=120, file=shown), result)
    block = document.make_block([result])
    for text in (shown.getvalue(), block):
        assert "nothing was compared" in text
        assert "behind none" not in text
        assert "nowhere" not in text
        assert ("A: peer failed: RuntimeError: no such library" in text) == (len(arms) == 2)


def test_a_peer_that_failed_is_named_in_place_of_a_victory() -> None:
    case = Case("a", "A", "s", [fixed(SWEEPER, 1), fixed("peer", 2), Arm("absent", broken)])
    result, shown = result_of(run_case(case, (0,), busy=0)), StringIO()
    screen.show_result(Console(width=120, file=shown), result)
    assert "failed: A: absent failed: RuntimeError: no such library" in shown.getvalue()
    assert "behind none" not in shown.getvalue()
    assert "nowhere in what was compared.\n\nWhat failed:\n\n- A: absent failed" in document.make_block([result])


def test_peak_memory_is_that_of_the_process_and_not_of_the_one_that_started_it() -> None:
    large = b"x" * 2**28  # of this process
    program = "from benchmarks.speed.peak_memory import *; print(peak_memory()[PEAK_MEMORY])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)
    assert 0.002 < float(done.stdout) < 0.1 < peak_memory()[PEAK_MEMORY]
    assert len(large) / 2**30 < peak_memory()[PEAK_MEMORY]


def test_every_row_has_a_file() -> None:
    assert {path.stem for path in Path(registry.__file__).with_name("rows").glob("[a-z]*.py")} == set(registry.ROWS)
    assert all(callable(registry.load_row(name)) for name in registry.ROWS)


def test_the_command_runs_the_chosen_rows_and_says_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def cases(session: object) -> Iterator[Case]:
        yield Case("table", "a fake", "s", [fixed(SWEEPER, 4, 4), fixed("peer", 2, 2), Arm("absent", broken)])
        raise OSError("the store is gone")

    monkeypatch.setattr(command, "load_row", lambda name: cases)
    shares = iter([0.3, 0.1])  # before the row, and before its case
    monkeypatch.setattr(machine, "busy_share", lambda: next(shares))
    out = tmp_path / "result.json"
    assert command.main(["--rows", "table", "--rounds", "2", "--data", "feelings", "--out", str(out)]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "behind: a fake: peer is 2.00 times as good" in shown
    assert "OSError: the store is gone" in shown
    case = json.loads(out.read_text(encoding="utf-8"))["cases"][0]
    assert (case["arms"]["sweeper"]["values"], case["busy"]) == ([4, 4], 0.3)


def test_the_command_line_overrides_the_sizes_of_a_quick_run() -> None:
    quick = command.make_settings(command.parse_arguments(["--quick", "--trials", "7", "--batch-sizes", "2,3"]))
    assert (quick.quick, quick.trials, quick.runs, quick.batch_sizes) == (True, 7, 500, (2, 3))
    assert quick.seeds == (0, 1, 2)
    assert command.make_settings(command.parse_arguments(["--seed", "5"])).seeds == (5, 6, 7)
    with pytest.raises(SystemExit):
        command.parse_arguments(["--rows", "throughputs"])


@pytest.mark.parametrize(
    ("option", "value"), [("--rounds", "0"), ("--file-rows", "-1"), ("--batch-sizes", "4,x"), ("--threads", "1.5")]
)
def test_a_size_below_one_is_refused(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.parse_arguments([f"{option}={value}"])
    word = value.rpartition(",")[2]
    assert f"argument {option}: {word!r}: must be a whole number of at least 1" in capsys.readouterr().err


def test_result_is_not_kept_unless_a_file_is_named() -> None:
    assert command.parse_arguments([]).out == command.OUT
    assert not command.OUT.is_relative_to(RESULTS)
    assert command.OUT.is_relative_to(ROOT / "build")  # which git ignores


def test_costs_leave_out_the_first_trials_and_count_each_trial_once() -> None:
    clock = TrialClock()
    for number in range(40):
        clock.trial_ended(number)
        clock.trial_ended(number)
    clock.wall = clock.processor = [0.0, *(100.0 + k for k in range(1, 41))]
    assert clock.num_trials == 40
    assert (clock.seconds_per_trial(), clock.processor_per_trial()) == (1, 1)
    assert [clock.processor_of_stretch(40, stretch) for stretch in range(3)] == [1] * 3


def test_what_is_recorded_after_the_last_trial_belongs_to_all_trials() -> None:
    clock = TrialClock()
    clock.wall, clock.processor = ([float(k) for k in range(41)] for _ in range(2))
    clock.flush_wall, clock.flush_processor = 20.0, 10.0
    assert (clock.seconds_per_trial(), clock.processor_per_trial()) == (1.5, 1.25)
    assert [clock.processor_of_stretch(40, stretch) for stretch in range(3)] == [1.25] * 3
    clock.sweep_ended()
    assert clock.num_trials == 40
    assert clock.flush_wall > 0


def test_sizes_are_powers_of_ten_after_the_start_of_the_workers_and_the_largest() -> None:
    assert sizes(10_000) == [100, 1000, 10_000]
    assert sizes(500) == [100, 500]


@pytest.mark.parametrize("rounds", [1, 5])
def test_growth_measures_each_stretch_once_whatever_the_rounds(rounds: int) -> None:
    case = Case("c", "C", "ms", [fixed(SWEEPER, 1, 2, 3)], seeds=range(STRETCHES))
    assert run_case(case, range(rounds), busy=0).arms[SWEEPER].values == [1, 2, 3]


def test_a_command_is_stopped_once_something_has_happened(tmp_path: Path) -> None:
    log, journal = tmp_path / "log", tmp_path / "sweep" / "record.journal"
    journal.parent.mkdir()
    script = f"import time; open({str(journal)!r}, 'w').write('report:1'); time.sleep(60)"
    start = time.monotonic()
    seconds = seconds_until(["python3", "-c", script], lambda: journal_has(tmp_path, b"report:1"), log)
    assert 0 < seconds <= time.monotonic() - start < 30
    assert not journal_has(tmp_path, b"report", since=1)
    assert seconds_to_end(["true"], log) > 0
    with pytest.raises(RuntimeError, match="exit code 1"):
        seconds_to_end(["false"], log)
    with pytest.raises(RuntimeError, match="ended with 1"):
        seconds_until(["false"], lambda: False, log)


def test_resume_waits_for_a_proposal_and_each_round_begins_with_the_same_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps, kept = tmp_path / "sweeps", tmp_path / "kept"
    for folder in (sweeps, kept):
        (folder / "sweep").mkdir(parents=True)
        (folder / "sweep" / "record.journal").write_text('1 {"op_code": 8, "user_attr": {"number": 1}}\n', "utf-8")
    seen: list[bool] = []

    def run_command(_: object, has_happened: Callable[[], bool], __: Path) -> float:
        for line in (
            '2 {"op_code": 2, "user_attr": {"session:1": {}}}',
            '3 {"op_code": 8, "user_attr": {"number": 2}}',
        ):
            with (sweeps / "sweep" / "record.journal").open("a", encoding="utf-8") as journal:
                journal.write(f"{line}\n")
            seen.append(has_happened())
        return 1.0

    monkeypatch.setattr(resume, "seconds_until", run_command)
    for seed in (0, 1):
        resume.measure(sweeps, kept, [], tmp_path / "log", seed)
    assert seen == [False, True, False, True]


def test_arms_stay_on_this_machine_whatever_the_user_has_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    monkeypatch.setenv("RAY_ADDRESS", "cluster:6379")
    process = ArmProcess(tmp_path / "log", {"OWN": "1"})
    names = ("MLFLOW_TRACKING_URI", "RAY_ADDRESS", "OWN", "TOKENIZERS_PARALLELISM")
    assert [process.call("os:getenv", name) for name in names] == [None, None, "1", "false"]
    process.close()
    script = "import os, sys; sys.exit('MLFLOW_TRACKING_URI' in os.environ or 'RAY_ADDRESS' in os.environ)"
    assert seconds_to_end([sys.executable, "-c", script], tmp_path / "log") > 0
    assert os.environ["RAY_ADDRESS"] == "cluster:6379"


def test_numbers_have_three_digits() -> None:
    assert [format_number(value) for value in (12345.6, 1.2345, 0.01234, 0.0)] == ["12,346", "1.23", "0.0123", "0"]


def test_row_that_needs_a_gpu_is_left_out_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    out = tmp_path / "out.json"
    assert command.main(["--rows", "gpu_search", "--data", "feelings", "--out", str(out)]) == 0
    assert read_result(out).table()[0][2] == "left out: this machine has no GPU"


def test_search_that_shares_gpus_is_a_valid_search_space(tmp_path: Path) -> None:
    settings = Settings(data="feelings", encoder="google/electra-base-discriminator")
    words = search_command(settings, tmp_path, rates=8, seed=3)
    overrides = [word for word, option in zip(words[1:], words, strict=False) if option == "--set"]
    spec = parser.parse_spec(yaml_file.load_yaml(Path(words[4]), overrides))
    assert (spec.budget.trials, spec.resources.gpu, spec.rungs, spec.seed) == (24, "auto", (), 3)


def test_both_sides_of_a_cold_start_use_the_same_texts_and_threads(tmp_path: Path) -> None:
    settings = Settings(data="feelings", max_length=64, threads=3)
    words = cold_start.sweeper_command(settings, tmp_path, seed=1)
    overrides = [word for word, option in zip(words[1:], words, strict=False) if option == "--set"]
    spec = parser.parse_spec(yaml_file.load_yaml(Path(words[4]), overrides))
    script = cold_start.script_command(settings, tmp_path, tmp_path, bf16=True)
    assert (spec.limit.train, spec.limit.validation, spec.max_tokens, spec.resources.cpu) == (32, 32, 64, 3)
    assert script[-4:] == ["32", "64", "3", "1"]


def test_the_script_of_a_cold_start_is_that_of_a_user_without_sweeper() -> None:
    tree = ast.parse(cold_start.SCRIPT.read_text(encoding="utf-8"))
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [module for module in modules if module and module.startswith(("sweeper", "benchmarks"))]
