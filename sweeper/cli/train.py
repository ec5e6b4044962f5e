"""`sweeper train`: a trial of a sweep once more, this time keeping the model."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeper.terminal.terminal import Terminal, cli_session

if TYPE_CHECKING:
    from sweeper.search_space.sweep_spec import SweepSpec
    from sweeper.storage.sweep_folder import SweepFolder
    from sweeper.training.types import TrainingData
    from sweeper.trials.trial import TrialRecord

_MOST_SHOWN = 16  # classes whose confusions still fit on a screen


def train(
    sweep: Annotated[Path, typer.Argument(help="A sweep's folder, such as sweeps/sst5-3f9a1c2e.", show_default=False)],
    trial: Annotated[int | None, typer.Argument(help="A trial's number.", show_default="the best")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed.", show_default="the trial's own")] = None,
    test: Annotated[bool, typer.Option("--test", help="Score the test split too: a look, put on record.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where the model goes.", show_default="SWEEP/train/…")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures on stdout as JSON.")] = False,
) -> None:
    """Train a trial of a sweep again and keep its best epoch.

    With the trial's own seed, on the same machine, the numbers are those of the sweep, bit for bit. An interrupted
    training goes on from its last validation.
    """
    with cli_session(as_json=as_json, again="the same command goes on from the last validation") as screen:
        from sweeper.storage.sweep_folder import open_sweep

        folder = open_sweep(sweep)
        found = _recorded(folder, folder.spec, trial)
        if seed is not None:
            found = _reseeded(found, seed)
        name = f"{found.trial.number}-seed-{found.trial.config.seed}"
        screen.result(_train(screen, folder, found, out or folder.path / "train" / name, test=test))


def _recorded(folder: "SweepFolder", spec: "SweepSpec", number: int | None) -> "TrialRecord":
    from contextlib import closing

    from sweeper.errors import UsageError
    from sweeper.protocol.results import build_results
    from sweeper.record.optuna_study import OptunaStudy

    with closing(OptunaStudy(spec, folder.journal, folder.manifest.threads)) as study:
        recorded = study.all_trials()
    if number is None:
        number = build_results(spec, folder, recorded).best_trial
    found = next((one for one in recorded if one.trial.number == number), None)
    if found is None:
        raise UsageError(f"{folder.path}: has no trial {number}, allowed: 1 to {len(recorded)}")
    return found


def _reseeded(recorded: "TrialRecord", seed: int) -> "TrialRecord":
    from dataclasses import replace

    config = recorded.trial.config.model_copy(update={"seed": seed})
    return replace(recorded, trial=replace(recorded.trial, config=config))


def _train(screen: Terminal, folder: "SweepFolder", found: "TrialRecord", out: Path, *, test: bool) -> dict[str, Any]:
    """Train, keep the best epoch in `out`, and write its figures to result.json there, last."""
    from sweeper.app.prepare_data import SEARCHED, load_training_data, prepare_sweep, tokenizer_of
    from sweeper.errors import UsageError
    from sweeper.storage.sweep_folder import write_json
    from sweeper.terminal import formatting
    from sweeper.training import export

    config = found.trial.config
    screen.set_log_dir(folder.path / "logs")
    prepared = prepare_sweep(screen, folder.spec, folder)
    if test and "test" not in prepared.dataset.splits:
        raise UsageError(
            f"--test: {folder.spec.dataset_spec.name} has no test split; leave it out, or give the data set one"
        )
    splits = (*SEARCHED, "test") if test else SEARCHED
    data = load_training_data(prepared, [config.encoder], splits, step=screen.step)[config.encoder]
    screen.line(
        f"{folder.name} trial {found.trial.number}: {formatting.format_params(config.active_params)}", style="bold"
    )
    result = _earlier(out) or _best_epoch(screen, folder.spec, found, data, out)
    if test and "test" not in result:
        _look(folder, found)
        result["test"] = export.evaluate_exported(out, config, data, "test")
    tokenizer_of(prepared, config.encoder).save(out / "encoder")
    write_json(out / "result.json", result)
    (out / "checkpoint.pt").unlink(missing_ok=True)
    shown = {"validation": result["metrics"]["validation/accuracy"], **_accuracy(result)}
    if "test" in result and len(data.labels) <= _MOST_SHOWN:
        screen.console.print(formatting.confusion_table(result["test"]["labels"], result["test"]["confusion"]))
    screen.line("  ".join(f"{split} accuracy {formatting.format_score(value)}" for split, value in shown.items()))
    screen.line(f"model: {out}")
    screen.line(f"log:   {screen.log}")
    return result


def _look(folder: "SweepFolder", found: "TrialRecord") -> None:
    """Put on record that the test split is opened, and into the results where the sweep has them."""
    from contextlib import closing

    from sweeper.app.finalize import rebuild_results
    from sweeper.record.optuna_study import OptunaStudy

    spec = folder.spec
    with closing(OptunaStudy(spec, folder.journal, folder.manifest.threads)) as study:
        study.record_test_access(found.trial)
        if folder.read_results() is not None:
            rebuild_results(spec, folder, study)


def _accuracy(result: dict[str, Any]) -> dict[str, float]:
    return {"test": result["test"]["accuracy"]} if "test" in result else {}


def _earlier(out: Path) -> dict[str, Any] | None:
    """The result of an earlier training into the same folder, if it came to its end."""
    path = out / "result.json"
    if not path.exists():
        return None
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result


def _best_epoch(
    screen: Terminal, spec: "SweepSpec", found: "TrialRecord", data: "TrainingData", out: Path
) -> dict[str, Any]:
    """Train to the end, keeping the model of the best epoch in `out`; its figures."""
    from sweeper.errors import SweeperError
    from sweeper.terminal import formatting
    from sweeper.training import checkpoint, export
    from sweeper.training.trainer import train as reports_of

    config, saved = found.trial.config, out / "checkpoint.pt"
    metric, sign = spec.objective.metric, spec.objective.sign
    earlier, best = checkpoint.completed_reports(saved), None
    for report in reports_of(config, data, saved):
        value = report.metrics.get(metric)
        if value is None:
            screen.line(f"  epoch {report.epoch:g}  train/loss {formatting.format_score(report.metrics['train/loss'])}")
            continue
        better = best is None or sign * value > sign * best.metrics[metric]
        screen.line(
            f"  epoch {report.epoch:g}  {metric} {formatting.format_score(value)}{'  best so far' if better else ''}"
        )
        if better:
            best = report
            if report.step >= earlier:  # the model of a report before that was kept when it came first
                export.export_model(saved, config, data, out)
    if best is None:
        raise SweeperError(f"trial {found.trial.number}: the training has no validation to choose a model by")
    params = {name: value for name, value in config.active_params.items() if name != "seed"}
    figures = {"epoch": best.epoch, "metrics": dict(best.metrics)}
    return {"trial": found.trial.number, "seed": config.seed, "params": params, **figures}
