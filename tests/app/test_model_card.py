"""The card beside a kept model and that of its export are one text, except for the lines that use the model."""

import json
import math
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from sweeper.app.kept_model import find_model
from sweeper.app.model_card import write_exported_card, write_kept_card
from sweeper.protocol.sweep_results import SweepResults
from tests.support.fake_results import sweep
from tests.support.kept_models import keep_random_model

SECTIONS = ["", "Intended use", "Classes", "Data", "Encoder", "Scores", "Hyperparameters"]
FRESH = {"ce": [0.5, 0.52], "lcl": [0.6, 0.61]}


def sections(folder: Path) -> dict[str, str]:
    """Return the sections of a folder's card by heading; the code that uses the model is under ""."""
    text = ModelCard.load(folder / "README.md").text
    first, *others = text.split("\n## ")
    return {"": first} | {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in others}


@pytest.fixture
def results() -> SweepResults:
    warnings = ["3 test texts are in train too"]
    return sweep(FRESH, objective="validation/mcc", test_warnings=warnings).results


@pytest.mark.parametrize("pairs", [False, True])
def test_the_kept_and_the_exported_model_have_the_same_card(
    results: SweepResults, tmp_path: Path, *, pairs: bool
) -> None:
    train = {"texts": 1_005, "of": 8_544, "digest": "", "classes": {"very negative": 5, "positive": 1_000}}
    kept = keep_random_model(tmp_path / "sweeps", pairs=pairs, splits={"train": train})
    kept.write_results(results.to_json())
    write_kept_card(kept, results)
    (tmp_path / "out").mkdir()
    write_exported_card(find_model(kept.path, tmp_path), tmp_path / "out")
    own, exported = sections(kept.path / "model"), sections(tmp_path / "out")
    assert list(own) == SECTIONS
    assert "sweeper.load_model" in own.pop("")
    assert "pipeline(" in exported.pop("")
    assert own == exported
    assert own["Intended use"].startswith("[More Information Needed]")
    assert "train: 1,005 of 8,544 texts were used: very negative 5, positive 1,000." in own["Data"]
    assert "3 test texts are in train too" in own["Data"]
    assert own["Encoder"] == "- Encoder tiny.\n- Licence: unknown here; its page says it."
    assert "| test/accuracy | 0.5100 ± 0.0141 (n = 2) |" in own["Scores"]
    assert "trained again with 2 fresh seeds; 2 models were scored on the test split, once each." in own["Scores"]
    assert "- loss: ce" in own["Hyperparameters"].splitlines()


def test_no_name_of_a_class_or_data_set_becomes_markup(results: SweepResults, tmp_path: Path) -> None:
    train = {"texts": 1, "digest": "", "classes": {"<i>\n# z": 1}}
    kept = keep_random_model(tmp_path / "sweeps", splits={"train": train})
    (kept.path / "model" / "labels.json").write_text('["# a\\n\\n## b", "<img src=x>", "*c*"]', encoding="utf-8")
    odd = results.model_copy(update={"dataset": "x\n\n## y <b>"})
    write_kept_card(kept, odd)
    assert list(sections(kept.path / "model")) == SECTIONS
    text = (kept.path / "model" / "README.md").read_text(encoding="utf-8")
    assert not any(f"\n{line}" in text for line in ("## b", "## y", "# z"))
    assert "\\<img src=x>" in text


def test_the_scores_are_of_the_seeds_that_left_a_model_and_every_test_access_counts(tmp_path: Path) -> None:
    values = sweep({"ce": [0.5, 0.52, "failed"]}, objective="validation/auroc").results.to_dict()
    values["test_accesses"] *= 2
    for seed in values["systems"][0]["confirmation"]["seeds"][:2]:
        seed["test"]["test/auroc"] = math.nan
    results = SweepResults.parse(values)
    kept = keep_random_model(tmp_path / "sweeps")
    kept.write_results(results.to_json())
    write_kept_card(kept, results)
    scores = sections(kept.path / "model")["Scores"]
    assert "with 3 fresh seeds; 2 models were scored on the test split, with 4 accesses." in scores
    assert "| test/accuracy | 0.5100 ± 0.0141 (n = 2) |" in scores
    assert "| test/auroc | undefined |" in scores


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        (
            {"very negative": 5, "neutral": 0},
            "tuned on validation. No validation text has neutral, so its threshold stays at .5.",
        ),
        ({}, "tuned on validation. A label that no validation text has keeps .5."),
    ],
)
def test_the_card_names_labels_whose_thresholds_could_not_be_tuned(
    results: SweepResults, tmp_path: Path, counts: dict[str, int], sentence: str
) -> None:
    kept = keep_random_model(tmp_path / "sweeps")
    kept.write_results(results.model_copy(update={"class_counts": {"validation": counts}}).to_json())
    thresholds = dict.fromkeys(("very negative", "neutral", "positive"), 0.5)
    (kept.path / "model" / "thresholds.json").write_text(json.dumps(thresholds), encoding="utf-8")
    settings = json.loads((kept.path / "model" / "prediction.json").read_text(encoding="utf-8"))
    (kept.path / "model" / "prediction.json").write_text(json.dumps({**settings, "task": "multi_label"}))
    (tmp_path / "out").mkdir()
    write_exported_card(find_model(kept.path, tmp_path), tmp_path / "out")
    assert sentence in sections(tmp_path / "out")[""]


def test_a_sweep_without_a_model_has_no_card(results: SweepResults, tmp_path: Path) -> None:
    kept = keep_random_model(tmp_path / "sweeps")
    (kept.path / "model" / "config.json").unlink()
    write_kept_card(kept, results)
    assert not (kept.path / "model" / "README.md").exists()
