"""The Python API, as a notebook uses it: load a search space, run it, look at its results, open it again."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pandas as pd
import pytest

import sweeper
from sweeper.app.specs import shipped_spaces

SPACE = """
dataset: feelings
compare: {encoder: [rnn], loss: [ce, scl]}
search: {learning_rate: {log: [1e-3, 1e-2]}}
training: {epochs: 2, max_length: 32}
limit: {train: 120, validation: 48}
budget: {trials: 2}
confirm: {seeds: 2}
"""


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api") / "sweeps"


@pytest.fixture(scope="module")
def results(sweeps: Path) -> sweeper.StoredResults:
    space = sweeps.parent / "space.yaml"
    space.write_text(SPACE)
    spec = sweeper.load(space, overrides=["budget.trials=4"])
    return sweeper.run(spec, sweeps=sweeps, inline=True, progress=False)


def test_importing_the_api_loads_no_library_that_takes_seconds() -> None:
    program = """
import sys
import sweeper
sweeper.load
print([name for name in ("ray", "torch", "transformers", "mlflow", "optuna") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_lists_its_functions_and_knows_its_version() -> None:
    program = "import sweeper; print(*set(sweeper.__all__) - set(dir(sweeper)), sweeper.__version__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    try:
        expected = metadata.version("sweeper")
    except metadata.PackageNotFoundError:
        expected = "unknown"
    assert done.stdout.strip() == expected


@pytest.mark.mlflow
def test_a_run_gives_its_results_as_a_table_of_trials(results: sweeper.StoredResults) -> None:
    trials = results.trials()
    assert isinstance(trials, pd.DataFrame)
    assert len(trials) == results.num_trials + 4 == 8
    assert {"number", "system", "stage", "outcome", "score", "learning_rate", "validation/accuracy"} <= set(
        trials.columns
    )
    assert trials["stage"].value_counts().to_dict() == {"search": 4, "confirm": 4}
    assert trials.loc[trials["stage"] == "confirm", "test/accuracy"].notna().all()
    best = results.systems[0].best
    assert best is not None
    searched = trials[(trials["system"] == 0) & (trials["stage"] == "search")]
    assert searched["score"].max() == best.score


@pytest.mark.mlflow
def test_the_published_table_is_the_one_in_the_folder(results: sweeper.StoredResults) -> None:
    assert results.table().to_markdown() == (results.path / "table.md").read_text(encoding="utf-8")
    assert results.table("macro_f1").metric == "macro_f1"
    frame = results.table().to_pandas()
    means = [cell.mean for _, cell in results.table().system_cells()]
    assert (list(frame["loss"]), list(frame["mean"])) == (["ce", "scl"], means)
    assert "## Scores" in (results.path / "model" / "README.md").read_text(encoding="utf-8")


@pytest.mark.mlflow
def test_an_opened_sweep_has_the_results_of_its_record(results: sweeper.StoredResults) -> None:
    opened = sweeper.open(results.path)
    assert opened.results.to_json() == results.to_json() == (results.path / "results.json").read_text(encoding="utf-8")
    assert opened.spec.budget.trials == 4


@pytest.mark.mlflow
def test_running_it_again_returns_the_same_results_without_training(
    results: sweeper.StoredResults, sweeps: Path
) -> None:
    again = sweeper.run(sweeper.load(sweeps.parent / "space.yaml", ["budget.trials=4"]), sweeps=sweeps, inline=True)
    assert again.to_json() == results.to_json()


def test_mistakes_are_errors_with_their_place(tmp_path: Path) -> None:
    space = tmp_path / "space.yaml"
    space.write_text(SPACE.replace("learning_rate", "learning_rat"))
    with pytest.raises(sweeper.SearchSpaceError, match=r"space\.yaml:4: search\.learning_rat: unknown hyperparameter"):
        sweeper.load(space)
    with pytest.raises(sweeper.UsageError, match="not a sweep"):
        sweeper.open(tmp_path)


def test_a_shipped_search_space_is_known_by_its_name_and_a_path_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "quickstart" in shipped_spaces()
    assert sweeper.load("quickstart") == sweeper.load(shipped_spaces()["quickstart"])
    with pytest.raises(sweeper.UsageError, match=r"quickstrt: .*did you mean quickstart"):
        sweeper.load("quickstrt")
    monkeypatch.chdir(tmp_path)
    Path("quickstart").write_text(SPACE)
    assert sweeper.load("quickstart").budget.trials == 2
