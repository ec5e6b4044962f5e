"""Draws a sweep from its record: what it runs, its phases, systems, running and finished trials, the best score."""

import math
import time
from collections.abc import Callable, Iterable, Mapping

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from sweeper.protocol.ranking import best_report
from sweeper.protocol.remaining_time import RemainingTime
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal import formatting
from sweeper.terminal.deciding_rungs import rungs_of
from sweeper.terminal.fitted_blocks import Block, FittedBlocks
from sweeper.terminal.line_view import UNHEALTHY
from sweeper.terminal.literal_console import literal_text
from sweeper.terminal.phase_bar import phase_bar
from sweeper.terminal.progress import SweepProgress
from sweeper.terminal.sparkline import PENDING, RUNG, Scale, draw_validations
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord, describe_origin
from sweeper.wording import format_epoch

NOTE_STYLE = "magenta"  # readable on black and on white
_BAR_WIDTH = 100  # columns
_MAX_NOTES = 4  # messages that are seen at once
_MAX_FINISHED = 8  # trials
_NARROW, _WIDE = 80, 120  # columns below which less is shown, and from which on more is
_CURVE_LENGTHS = {0: 10, _NARROW: 16, _WIDE: 32}  # columns of a curve, by the least width of the screen


class Dashboard:
    """A drawing of a sweep, as wide as the console and at most as high.

    `name` is that of the sweep. `slots` trials run at a time, and `clock` gives Unix time. The time shown counts from
    `start`, by default from now. Set `is_closed` for the last drawing, which stays on the screen.
    """

    def __init__(
        self,
        spec: SweepSpec,
        name: str,
        slots: int,
        clock: Callable[[], float] = time.time,
        start: float | None = None,
        remaining_time: RemainingTime | None = None,
    ) -> None:
        self.spec, self.name, self.slots = spec, name, slots
        self.clock, self.start = clock, clock() if start is None else start
        self.remaining_time = remaining_time or RemainingTime(spec, slots)
        self.records: Mapping[int, TrialRecord] = {}
        self.notes: tuple[str, ...] = ()
        self.is_closed = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        progress, width = SweepProgress(self.spec, self.records), options.max_width
        blocks = FittedBlocks(
            [
                Block(self._title_lines(), shortest=2, turn=1),
                Block([self._phase_bar(progress, width), *self._time_lines(progress)], has_gap=False),
                Block([self._systems_table(progress, is_wide=width >= _NARROW)], shortest=4, turn=3),
                Block(self._best_lines(progress)),
                Block(self._running_lines(progress, width), shortest=3, turn=2),
                Block(self._finished_lines(progress), shortest=0),
                Block(literal_text(note, style=NOTE_STYLE, overflow="fold") for note in self.notes[-_MAX_NOTES:]),
            ]
        )
        yield from blocks.draw(console, options)  # yielded as a whole, they would not learn the height from rich

    def _title_lines(self) -> Iterable[Text]:
        """Yield what runs: the sweep and its question, its trials, and the hyperparameters that all trials share."""
        dataset, systems = self.spec.dataset_spec.name, len(self.spec.systems)
        facts = [
            dataset if not self.name.startswith(f"{dataset}-") else "",
            f"{systems} system{'s' if systems > 1 else ''}",
            f"best by {self.spec.objective.metric}",
            formatting.PART_OF_ROWS if self.spec.limit.model_dump(exclude_none=True) else "",
        ]
        yield literal_text(f"{self.name}: {', '.join(filter(None, facts))}", style="bold", overflow="fold")
        phrases = [phrase for phrase in formatting.describe_run(self.spec) if formatting.PART_OF_ROWS not in phrase]
        yield literal_text(", ".join(phrases), overflow="fold")
        if shared := formatting.shared_params(self.spec):
            yield literal_text(f"every trial: {formatting.format_params(shared)}", style="dim", overflow="fold")

    def _phase_bar(self, progress: SweepProgress, width: int) -> Text:
        return phase_bar(progress.phases(), progress.current_phase(), min(width, _BAR_WIDTH))

    def _time_lines(self, progress: SweepProgress) -> Iterable[Text]:
        now = self.clock()
        parts = [formatting.format_duration(now - self.start), *([f"{self.slots} at a time"] if self.slots else [])]
        seconds_left = None if self.is_closed else self.remaining_time.seconds_left(self.records.values(), now)
        if seconds_left is not None:
            stages = " with confirmation and test" if progress.to_confirm and not progress.confirming() else ""
            parts.append(f"about {formatting.format_duration(seconds_left)} left{stages}")
        saved, planned = progress.saved_epochs()
        if saved:
            parts.append(f"{self.spec.early_stopping_label} saved {saved:g} of {planned:g} epochs")
        yield literal_text(", ".join(parts), overflow="fold")

    def _systems_table(self, progress: SweepProgress, *, is_wide: bool) -> Table:
        table = _table("system")
        under_way = "open" if self.is_closed else "running" if is_wide else "run"
        pauses = bool(self.spec.pausing_rungs)
        waiting = ("waiting" if is_wide else "wait",) if pauses else ()
        for name in ("done", under_way, *waiting, *(("stopped", "failed") if is_wide else ("stop", "fail")), "best"):
            table.add_column(name, justify="right", no_wrap=True, min_width=6 if name == "best" else None)
        for system in range(len(self.spec.systems)):
            best = progress.best(system)
            table.add_row(
                formatting.system_label(self.spec, system),
                f"{len(progress.ended(system))}/{progress.share(system)}",
                str(len(progress.running(system))),
                *([str(len(progress.waiting(system)))] if pauses else []),
                str(progress.count([Outcome.STOPPED_EARLY], system)),
                str(progress.count(UNHEALTHY, system)),
                formatting.format_score(best.score if best else None),
            )
        return table

    def _best_lines(self, progress: SweepProgress) -> list[Text]:
        best = progress.best()
        if best is None and progress.ended():
            return [literal_text("no score yet of a trial that ended well", style="dim", overflow="fold")]
        if best is None:
            reason = ""
            if not self.is_closed:
                first_epoch = format_epoch(1 / self.spec.validations_per_epoch)
                reason = f": trials take some seconds to start, and score first after epoch {first_epoch}"
            return [literal_text(f"no score yet{reason}", style="dim", overflow="fold")]
        system = formatting.system_label(self.spec, best.system)
        headline = f"best {formatting.format_score(best.score)}  trial {best.number}, {system}"
        params = formatting.format_params(formatting.searched_params(self.spec, best.system, best.params))
        return [literal_text(headline, style="bold green", overflow="fold"), literal_text(params, overflow="fold")]

    # ---- running trials

    def _running_lines(self, progress: SweepProgress, width: int) -> list[RenderableType]:
        records, span = progress.running(), progress.value_range()
        if self.is_closed:
            records += progress.waiting()
        if not records:
            return []
        scale = Scale(*span) if span else Scale(0.0, 0.0)
        length = next(length for least, length in reversed(_CURVE_LENGTHS.items()) if width >= least)
        table = _table("unfinished" if self.is_closed else "running")
        for name in ("epoch", "best"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("curve", no_wrap=True, max_width=length)
        if width >= _NARROW:
            table.add_column("setting", overflow="fold")
        for record in records:
            table.add_row(*self._running_row(record, scale, length, has_setting=width >= _NARROW))
        has_rungs = any(rungs_of(self.spec, record.trial) for record in records)
        return [table, *self._axis_lines(span, has_rungs=has_rungs)]

    def _running_row(self, record: TrialRecord, scale: Scale, length: int, *, has_setting: bool) -> list[str]:
        trial, metric, best = record.trial, self.spec.objective.metric, best_report(self.spec, record)
        values = {report.step: report.metrics.get(metric, math.nan) for report in record.reports}
        rungs = rungs_of(self.spec, trial)
        params = formatting.format_params(formatting.searched_params(self.spec, trial.system, trial.params))
        if trial.source_trial:
            params = f"fresh {describe_origin(trial)}"
        return [
            f"{trial.number} {formatting.system_label(self.spec, trial.system)}",
            f"{format_epoch(record.reports[-1].epoch if record.reports else 0)}/{trial.config.total_epochs}",
            formatting.format_score(best.metrics[metric] if best else None),
            draw_validations(values, trial.config.num_validations, rungs, scale, length),
            *([params] if has_setting else []),
        ]

    def _axis_lines(self, span: tuple[float, float] | None, *, has_rungs: bool) -> list[Text]:
        """Return the axis that all curves have in common: the range of the objective, and what the marks mean."""
        if span is None:
            return []
        parts = [Scale(*span).describe(self.spec.objective.metric), f"{PENDING} to come"]
        if has_rungs:
            parts.append(f"{RUNG} {self.spec.early_stopping_label} decides")
        return [literal_text(", ".join(parts), style="dim", overflow="fold")]

    # ---- finished trials

    def _finished_lines(self, progress: SweepProgress) -> list[RenderableType]:
        """Return the newest trials that have ended, how they ended, and for stopped ones against what."""
        finished = [] if self.is_closed else progress.finished()[:_MAX_FINISHED]  # then they stand above
        if not finished:
            return []
        table = _table("finished")
        table.add_column("end", no_wrap=True)
        table.add_column("score, and why it ended", overflow="fold")
        for record in finished:
            trial = record.trial
            seed = f" seed {trial.seed_index}" if trial.source_trial else ""
            table.add_row(
                f"{trial.number} {formatting.system_label(self.spec, trial.system)}{seed}",
                record.end.outcome.label if record.end else "",
                formatting.describe_trial(self.spec, record),
                style="" if record.end and record.end.outcome.is_healthy else "red",
            )
        return [table]


def _table(first_column: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column(first_column, no_wrap=True, overflow="ellipsis", min_width=12)
    return table
