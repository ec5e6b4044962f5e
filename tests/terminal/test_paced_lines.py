"""Progress in plain lines comes at most twice a minute."""

from sweeper.terminal.paced_lines import PacedLines


def test_lines_are_written_now_and_then() -> None:
    now, written = [100.0], list[str]()
    show = PacedLines(written.append, "predicting 9 rows", clock=lambda: now[0])
    for second, progress in ((101, "1 done"), (129, "2 done"), (131, "3 done"), (160, "4 done"), (161, "5 done")):
        now[0] = float(second)
        show(progress)
    assert written == ["predicting 9 rows … 3 done", "predicting 9 rows … 5 done"]
