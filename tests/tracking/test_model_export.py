"""The exported model predicts exactly as sweeper's own model does, also where sweeper is not installed."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.data.rows import LabelledTexts
from sweeper.training import device, vocabulary
from sweeper.training.config import TrainConfig
from sweeper.training.vocabulary import Vocabulary
from sweeper.trials import trial
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialEnd
from tests.support import tiny_training
from tests.support.random_models import (
    assert_same,
    export_random_model,
    model_export,
    own_probabilities,
    random_texts,
)
from tests.support.tracked_sweeps import make_record, metric_history, runs_by_number, start_tracker

CODE = Path(__file__).parents[2] / "sweeper" / "tracking" / "pyfunc_model.py"
BEST = {"accuracy": 0.5, "macro_f1": 0.5, "largest_class": 1 / 3}  # of the second report of make_record


@cache
def served_code() -> Any:
    """Return the module that MLflow copies beside the model."""
    spec = importlib.util.spec_from_file_location("served", CODE)
    assert spec is not None
    assert spec.loader is not None
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    return code


def pyfunc_predictions(folder: Path, config: TrainConfig, split: LabelledTexts) -> Any:
    """Return the predictions of the code that MLflow copies beside the model."""
    import pandas as pd

    values = json.dumps(model_export(folder, config, split.pairs is not None).settings)
    code = served_code()
    (folder / "prediction.json").write_text(values)
    found, place = (
        code.ServedClassifier(),
        {"model": str(folder / "model"), "prediction": str(folder / "prediction.json")},
    )
    found.load_context(SimpleNamespace(artifacts=place))
    columns = [split.texts] if split.pairs is None else [split.texts, split.pairs]
    return found.predict(None, pd.DataFrame(dict(enumerate(columns))))


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("pooling", ["cls", "mean", "flatten"])
@pytest.mark.parametrize("classifier", ["linear", "mlp"])
@pytest.mark.parametrize("encoder", ["tiny", "gru", "rnn"])
def test_the_exported_model_predicts_as_our_own_model(
    encoder: str, classifier: str, pooling: str, pairs: bool, tmp_path: Path
) -> None:
    small = {"hidden_size": 12, "embedding_size": 8, "vocabulary": 40}
    config = tiny_training.config(pooling=pooling, classifier=classifier, loss="lcl", max_length=16, **small)
    config = config.model_copy(update={"encoder": encoder})
    data = export_random_model(tmp_path, config, random_texts(pairs))
    with torch.random.fork_rng(devices=[]):
        assert_same(
            pyfunc_predictions(tmp_path, config, random_texts(pairs)), own_probabilities(tmp_path, config, data)
        )


def test_the_exported_model_computes_in_the_precision_of_the_training(tmp_path: Path) -> None:
    config = tiny_training.config(precision="bf16")
    data = export_random_model(tmp_path, config, random_texts(False))
    found = own_probabilities(tmp_path, config, data)
    assert_same(pyfunc_predictions(tmp_path, config, random_texts(False)), found)
    assert not np.array_equal(found, own_probabilities(tmp_path, tiny_training.config(), data))


@pytest.mark.parametrize(("mps", "visible"), [(True, None), (True, ""), (False, None)])
def test_the_exported_model_uses_the_device_that_trainings_use(
    mps: bool, visible: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    expected = "mps" if mps and visible is None else "cuda" if torch.cuda.is_available() else "cpu"
    assert served_code().best_device().type == expected
    assert device.setup_device(TrainConfig(encoder="m")).type == expected


@pytest.mark.parametrize("kind", ["mps", "cpu"])
def test_the_exported_code_takes_auto_for_the_precision_that_trainings_take(kind: str) -> None:
    assert served_code().auto_precision(kind) == device.resolve_precision("auto", torch.device(kind))


def test_the_exported_code_has_our_stop_words() -> None:
    assert f'STOP_WORDS = """{vocabulary.STOP_WORDS}"""' in CODE.read_text(encoding="utf-8")


SCRIPTS = (
    "हिन्दी में किताबें",
    "தமிழ் மொழி",
    "ที่นี่",
    "العَرَبِيَّة",
    "İstanbul",
    "cafe\u0301",
    "CAFÉ",
    "love❤️you",
    "می‌خواهم",
    "½ 1️⃣",
    "👩‍👩‍👧",
)


@settings(deadline=None)
@given(st.lists(st.text() | st.sampled_from(SCRIPTS), min_size=1, max_size=8))
def test_the_exported_code_reads_words_of_every_script_as_we_do(texts: list[str]) -> None:
    words = Vocabulary(LabelledTexts([*SCRIPTS, *texts[::2]], np.zeros(len(SCRIPTS) + len(texts[::2]), np.int64)), 99)
    split = words.tokenize_split(LabelledTexts(texts, np.zeros(len(texts), dtype=np.int64)), 9)
    ours = [split.tokens[start:stop].tolist() for start, stop in pairwise(split.starts)]
    with tempfile.TemporaryDirectory() as folder:
        words.save(Path(folder))
        served = served_code().WordTokenizer(Path(folder))(texts, None, 9)[0]
    assert served == ours


ALONE = """
import sys
class Refuses:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("sweeper", "tests"):
            raise ImportError(f"{name} is not installed here")
sys.meta_path.insert(0, Refuses())
import json, mlflow
model = mlflow.pyfunc.load_model(sys.argv[1])
table = model.predict(json.load(open(sys.argv[2])))
print(json.dumps(table.to_dict("split")))
assert "sweeper" not in sys.modules
"""


def predictions_without_sweeper(uri: str, texts: list[Any], place: Path) -> Any:
    """Return the predictions of a new process in another folder, where sweeper cannot be imported."""
    import pandas as pd

    (place / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, uri, str(place / "texts.json")],
        capture_output=True, text=True, cwd=place, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[0])
    return pd.DataFrame(found["data"], columns=found["columns"])


@pytest.mark.mlflow
@pytest.mark.parametrize("pairs", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_process_without_sweeper_loads_the_model_and_predicts_the_same(pairs: bool, tmp_path: Path) -> None:
    config, split = tiny_training.config(pooling="mean", max_length=16), random_texts(pairs)
    data = export_random_model(tmp_path, config, split)
    model_export(tmp_path, config, pairs).write(tmp_path / "written")
    (tmp_path / "written").rename(tmp_path / "moved")
    expected = own_probabilities(tmp_path, config, data)
    (tmp_path / "model").rename(tmp_path / "gone")
    asked: list[Any] = split.texts if split.pairs is None else list(zip(split.texts, split.pairs, strict=True))
    assert_same(predictions_without_sweeper(str(tmp_path / "moved"), asked, tmp_path), expected)
    required = (tmp_path / "moved" / "requirements.txt").read_text().split()
    assert [line.partition("==")[0] for line in required] == [
        "mlflow", "numpy", "pandas", "safetensors", "torch", "transformers",
    ]  # fmt: skip


def log_model(uri: str, sweep: str, found: Any) -> Any:
    """Log the model of trial 7, a confirmed one, and return its run."""
    tracker = start_tracker(uri, sweep, artifacts=Path(uri.removeprefix("sqlite:///")).with_name("artifacts").as_uri())
    record = replace(
        make_record(7, [0.3, 0.5], TrialEnd(Outcome.COMPLETED)), test=trial.TestScore(9, 2, {"test/accuracy": 0.4})
    )
    tracker.update(replace(record, trial=replace(record.trial, source_trial=1, seed_index=1)))
    tracker.attach_model(7, found)
    tracker.close(RunStatus.FINISHED, 120)
    assert tracker.pending_runs == 0
    return runs_by_number(uri, sweep)[7]


@pytest.mark.mlflow
def test_mlflow_has_the_model_once_with_its_metrics_and_loads_it_by_name(uri: str, sweep: str, tmp_path: Path) -> None:
    import mlflow

    config, split = tiny_training.config(), random_texts(False)
    data = export_random_model(tmp_path, config, split)
    first = log_model(uri, sweep, model_export(tmp_path, config))
    client = mlflow.MlflowClient(tracking_uri=uri)
    cut_off = client.create_logged_model(first.info.experiment_id, "cut-off", first.info.run_id)
    client.delete_tag(first.info.run_id, "sweeper.model")  # as if the upload had been interrupted
    for _ in range(2):
        run = log_model(uri, sweep, model_export(tmp_path, config))
        (model,) = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
        assert model.model_id != cut_off.model_id
        assert (model.status, model.name) == ("READY", "sst5-0a1b2c3d-2")
        assert model.params["learning_rate"] == "0.003"
        figures = {metric.key: (metric.step, metric.value) for metric in model.metrics}
        assert figures == {"test/accuracy": (2, 0.4), **{f"validation/{name}": (2, v) for name, v in BEST.items()}}
        assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
        assert metric_history(uri, run, "validation/accuracy") == [(1, 0.3), (2, 0.5)]
    expected = own_probabilities(tmp_path, config, data)
    mlflow.set_tracking_uri(uri)
    try:
        for place in (f"models:/{model.model_id}", f"runs:/{run.info.run_id}/{model.name}"):
            assert_same(mlflow.pyfunc.load_model(place).predict(split.texts), expected)
    finally:
        mlflow.set_tracking_uri(None)
