"""The results of trainings: what a file has, and what a table says of results that do not belong together."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from benchmarks.emoint.__main__ import main as emoint
from benchmarks.emoint.design import make_jobs as emoint_jobs
from benchmarks.plan_truth.__main__ import main as plan_truth
from benchmarks.recipes.__main__ import main as recipes
from benchmarks.recipes.design import make_jobs as recipe_jobs
from benchmarks.result_files import describe_origin, file_key, mixture_lines, read_result, write_result

MIXED = "These results do not have the same origin"


def test_a_result_is_kept_with_its_versions_and_processor(tmp_path: Path) -> None:
    write_result(tmp_path, "a", {"scores": [0.5]})
    result = read_result(tmp_path, "a")
    assert result == {"scores": [0.5], "origin": describe_origin()}
    for name in ("sweeper", "torch", "transformers"):
        assert f"{name} {version(name)}" in result["origin"]


def test_a_mixture_is_named_and_older_results_are_unknown() -> None:
    assert mixture_lines([None, None]) == mixture_lines(["torch 2"]) == mixture_lines([]) == []
    (_, line) = mixture_lines(["torch 2", None, "torch 2"])
    assert line.startswith(MIXED)
    assert line.endswith(": 2 of torch 2; 1 of unknown.")


def forget_origin(path: Path) -> None:
    """Make a file one of before results had an origin."""
    result = json.loads(path.read_text())
    del result["origin"]
    path.write_text(json.dumps(result))


def test_recipes_name_a_mixture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"epochs": 1, "batch_size": 16, "learning_rate": 2e-4, "alpha": 0.5, "tau": 0.3}
    words = ["sst5", "--rows", "32", "--seeds", "2", "--epochs", "1", "--only", "ce, by", "--out", str(tmp_path)]
    jobs = [job for job in recipe_jobs("sst5", 32, 2, options) if job.name.startswith("ce, by")]
    for job in jobs:
        write_result(tmp_path, job.key, {"loss": job.loss, "recipe": job.recipe, "seed": job.seed, "scores": [0.5]})
    assert recipes(words) == 0
    assert MIXED not in capsys.readouterr().out
    forget_origin(tmp_path / f"{jobs[0].key}.json")
    assert recipes(words) == 0
    assert MIXED in capsys.readouterr().out
    assert MIXED in (tmp_path / "sst5.md").read_text()


def test_emoint_names_a_mixture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [job for job in emoint_jobs(1, 1, 32) if job.name.startswith("CE")]
    for job in jobs:
        epochs = [{"validation/accuracy": 0.5, "validation/largest_class": 0.5, "classes_per_batch": 4.0}]
        write_result(tmp_path, job.key, {"name": job.name, "epochs": epochs})
    forget_origin(tmp_path / f"{jobs[0].key}.json")
    assert emoint(["--seeds", "1", "--epochs", "1", "--rows", "32", "--only", "CE", "--out", str(tmp_path)]) == 0
    assert MIXED in capsys.readouterr().out


def test_plans_against_the_truth_name_a_mixture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    amounts = dict.fromkeys(("epochs", "processor", "wall", "memory", "disk"), 1.0)
    for name in ("new", "old"):
        (space := tmp_path / f"{name}.yaml").write_text(f"# {name}\n")
        folder = tmp_path / "out" / f"{name}-{file_key(space.read_text())[:8]}"
        write_result(folder, "truth", {"name": name, "expected": amounts, "used": amounts, "others": [0, 0]})
    words = [str(tmp_path / "new.yaml"), str(tmp_path / "old.yaml"), "--out", str(tmp_path / "out")]
    assert plan_truth(words) == 0
    assert MIXED not in capsys.readouterr().out
    forget_origin(folder / "truth.json")
    assert plan_truth(words) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(MIXED)
