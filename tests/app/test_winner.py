"""The block at the end of a run shows how its model is used, with as many texts as a row of its data set has."""

import json
from pathlib import Path

import pytest

from sweeper.app.winner import winner_block
from tests.support.fake_results import sweep
from tests.support.recorded_sweeps import RecordedSweep


@pytest.mark.parametrize(("columns", "rows"), [(["a"], "['text']"), (["a", "b"], "[['text', 'another']]")])
def test_the_model_of_pairs_is_called_with_pairs(tmp_path: Path, columns: list[str], rows: str) -> None:
    paths = {name: str(tmp_path / f"{name}.csv") for name in ("train", "validation")}
    for path in paths.values():
        Path(path).write_text(f"a,b,c\n{path},2,3\n", encoding="utf-8")
    folder = RecordedSweep(tmp_path / "sweeps", dataset={**paths, "text": columns, "label": "c"}).folder
    files = {"config.json": '{"trial": 1}', "labels.json": '["2", "3"]', "classifier.safetensors": ""}
    for name, content in {**files, "encoder/model.safetensors": ""}.items():
        (folder.path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.path / "model" / name).write_text(content, encoding="utf-8")
    (folder.path / "mlflow.json").write_text(json.dumps({"trial": 1, "model": "models:/m-1"}), encoding="utf-8")
    shown = winner_block(folder, sweep({"ce": [0.5, 0.52]}).results)
    assert shown[-1].strip() == f"mlflow.pyfunc.load_model('models:/m-1').predict({rows})"
