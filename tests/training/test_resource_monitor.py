"""Reports include the resources that a training uses, and are unchanged otherwise."""

import pickle
from functools import partial
from pathlib import Path

import pytest

from sweeper.training.config import TrainConfig
from sweeper.training.resource_monitor import add_resource_metrics
from sweeper.training.types import ValidationReport
from tests.support.fakes import data, scripted_trainer

CONFIG = TrainConfig(encoder="m", epochs=3, alpha=0.5, tau=1)
RESOURCE_METRICS = {"system/cpu_cores", "system/memory_megabytes"}


def reports() -> list[ValidationReport]:
    return [
        event
        for event in add_resource_metrics(scripted_trainer, CONFIG, data(), None)
        if isinstance(event, ValidationReport)
    ]


def test_reports_are_those_of_the_training_plus_resource_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    plain = list(scripted_trainer(CONFIG, data(), None))
    for expected, report in zip(plain, reports(), strict=True):
        others = {name: value for name, value in report.metrics.items() if name not in RESOURCE_METRICS}
        assert others == expected.metrics
        assert (expected.step, expected.epoch) == (report.step, report.epoch)
        assert set(report.metrics) > RESOURCE_METRICS
        assert report.metrics["system/memory_megabytes"] > 10


def test_closing_the_events_closes_the_training() -> None:
    closed = []

    def training(*_: object) -> object:
        try:
            yield ValidationReport(1, 1.0, {})
            yield ValidationReport(2, 2.0, {})
        finally:
            closed.append(True)

    events = add_resource_metrics(training, CONFIG, data(), None)  # type: ignore[arg-type]
    next(events)
    events.close()
    assert closed == [True]


def test_a_monitored_trainer_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(partial(add_resource_metrics, scripted_trainer))).func is add_resource_metrics


@pytest.mark.parametrize(
    ("output", "by_gpu"), [("1000, 37\\n2000, 0", {0: (1048.576, 37), 1: (2097.152, 0)}), ("no", {})]
)
def test_gpu_metrics_are_what_nvidia_smi_prints(
    output: str, by_gpu: dict[int, tuple[float, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text(f'#!/bin/sh\n[ "$1" = --id=2,3 ] && printf "{output}"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    gpus = {name: value for name, value in reports()[0].metrics.items() if "gpu" in name}
    expected = {f"system/gpu_{k}_memory_megabytes": pair[0] for k, pair in by_gpu.items()}
    expected |= {f"system/gpu_{k}_utilization_percentage": pair[1] for k, pair in by_gpu.items()}
    assert gpus == pytest.approx(expected)


def test_memory_is_measured_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    by_proc = reports()[0].metrics["system/memory_megabytes"]
    read = Path.read_text

    def read_without_proc(path: Path, *arguments: str) -> str:
        if path.is_relative_to("/proc"):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return read(path, *arguments)

    monkeypatch.setattr(Path, "read_text", read_without_proc)
    assert reports()[0].metrics["system/memory_megabytes"] == pytest.approx(by_proc, rel=0.2)
