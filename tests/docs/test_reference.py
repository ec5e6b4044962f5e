"""The reference has everything that the code has, and the site has a place for every page."""

import re
from functools import cache

import pytest
import typer
import yaml

from docs.generator.choices import TRIAL_METRICS
from docs.generator.links import DOCS
from docs.generator.pages import PAGES
from docs.generator.schema import field_rows
from sweeper import errors
from sweeper.cli import app
from sweeper.data.catalog import DATASETS
from sweeper.protocol.sweep_results import SweepResults
from sweeper.search_space.early_stopping import EARLY_STOPPING
from sweeper.search_space.samplers import SAMPLERS
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import HYPERPARAMETERS
from sweeper.training.metric_registry import METRICS
from sweeper.training.registry import AVERAGES, ENCODER_KINDS, LOSSES
from tests.conftest import ROOT

page = cache(lambda uri: PAGES[uri]())


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("reference/search-space.md", SweepSpec.model_fields),
        ("reference/hyperparameters.md", HYPERPARAMETERS),
        ("reference/search.md", [*SAMPLERS, *EARLY_STOPPING]),
        ("reference/losses-and-encoders.md", [*LOSSES, *ENCODER_KINDS, *AVERAGES]),
        ("reference/data.md", DATASETS),
        ("reference/metrics.md", METRICS),
        ("reference/results.md", SweepResults.model_fields),
        ("reference/errors.md", [name for name in vars(errors) if name.endswith("Error") and name != "OSError"]),
    ],
)
def test_a_page_has_a_row_for_everything(uri: str, names: list[str]) -> None:
    rows = set(re.findall(r"^\| `([^`]+)` \|", page(uri), flags=re.MULTILINE))
    assert set(names) - rows == set()


def test_the_page_of_the_command_line_has_every_command_and_option() -> None:
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        _, _, section = page("reference/cli.md").partition(f"## sweeper {name}\n")
        section = section.partition("\n## ")[0]
        for parameter in command.params:
            if parameter.param_type_name == "option" and not parameter.hidden:
                assert all(option in section for option in parameter.opts), (name, parameter.opts)


@pytest.mark.parametrize("model", [SweepSpec, SweepResults])
def test_every_key_says_what_it_means(model: type[SweepSpec] | type[SweepResults]) -> None:
    silent = [row.key for row in field_rows(model) if not row.meaning]
    assert silent == []


def test_the_page_of_metrics_has_every_metric_that_the_training_reports() -> None:
    named = r'"((?:train|weights|anchors|soup|system)/[a-z_]+)"'
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "sweeper" / "training").glob("*.py"))
    found = set(re.findall(named, code))
    assert len(found) > 5
    assert found - TRIAL_METRICS.keys() == set()


def test_every_page_has_its_place_on_the_site() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    listed = set(re.findall(r": (\S+\.md)$", navigation, flags=re.MULTILINE))
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert listed == {*written, *PAGES, "cluster/README.md", "CONTRIBUTING.md", "CHANGELOG.md"}


def test_continuous_integration_runs_what_the_script_runs() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    job = workflow["jobs"]["make"]
    targets = re.findall(r"^make (\w+)$", script, flags=re.MULTILINE)
    targets.remove("browser")  # installs Chromium, which the workflow's machines have
    assert job["strategy"]["matrix"]["target"] == targets
    assert "make ${{ matrix.target }}" in [step.get("run") for step in job["steps"]]
    python = next(step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", ""))
    assert python == "3.11"


def test_pre_commit_runs_what_make_check_runs_first() -> None:
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(BIN)", ".venv/bin")
    for hook in configuration["repos"][0]["hooks"]:
        assert f"\t{hook['entry']}" in makefile
