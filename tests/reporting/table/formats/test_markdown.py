"""The table in Markdown is aligned for a screen, and no name is read as markup."""

import re
from dataclasses import replace

from sweeper.reporting.table.formats import markdown
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import ResultsTable, build_table
from tests.reporting.table.formats.awkward import SHEET
from tests.reporting.table.helpers import with_results
from tests.support.fake_results import sweep


def test_columns_are_aligned_and_notes_are_below(table: ResultsTable) -> None:
    lines = render(table, "md").splitlines()
    assert lines[:6] == [
        "| from                | encoder          | loss |                     sst5 |                sst2 |",
        "| ------------------- | ---------------- | ---- | -----------------------: | ------------------: |",
        "| ours                | mini             | ce   |       50.5 ± 0.5 (3; 16) | 90.5 ± 0.7 (2; 16)ᵈ |",
        "| ours                | mini             | scl  |                        – |         – (0; 16)ᵃᵈ |",
        "| ours                | mini             | lcl  | **60.5** ± 0.5 (3; 16)ᵇᶜ |                   – |",
        "| Suresh & Ong (2021) | ELECTRA-base     | lcl  |           58.5 ± 0.2 (5) |                 n/a |",
    ]
    assert "ᵇ fewer seeds were scored than planned: mini lcl on sst5 (3 of 4)." in lines


def test_without_published_scores_there_is_no_column_for_the_source() -> None:
    assert render(build_table([sweep({"ce": [0.5]})]), "md").startswith("| encoder | loss |         sst5 |\n")


def test_a_single_seed_has_no_deviation_and_a_missing_published_score_is_marked() -> None:
    text = render(
        build_table([sweep({"ce": [0.5]}), sweep({"ce": [0.5]}, "sst2-0000000b", dataset="sst2")], published=True), "md"
    )
    assert "50.0 (1; 16) |" in text
    assert re.search(r"BERT-base, cased \| ce   \| +50 \| +n/a \|", text)


def test_details_have_setting_cost_test_accesses_interval_optimism_and_runs() -> None:
    finished = sweep({"ce": [0.50, 0.51, "diverged"], "lcl": None}, gpu=0.5)
    text = render(build_table([replace(finished, runs={100: "0a1b", 101: "2c3d"})]), "md", detail=True)
    _, _, details = text.partition("**mini ce on sst5 (sst5-0000000a)**")
    assert details.splitlines()[2:10] == [
        "- setting: batch_size 32, learning_rate 3e-05 (trial 12)",
        "- search: 16 trials (5 completed, 10 stopped early, 1 diverged, 2 with a repeated setting), 61 epochs, "
        "0.62 GPU hours",
        "- confirmation: 3 of 3 seeds, 50 epochs, 0.50 GPU hours",
        "- validation: accuracy 0.5300 in the search, 0.5200 with fresh seeds, optimism +0.0100",
        "- test: 50.5, 95 % interval 43.9 to 57.1, 2 test accesses",
        "- seed 1000100: 50.0, trial 100, run 0a1b",
        "- seed 1000101: 51.0, trial 101, run 2c3d",
        "- seed 1000102: not scored, diverged, trial 102",
    ]
    assert "2.50 CPU hours" in render(build_table([sweep({"ce": [0.5]})]), "md", detail=True)
    assert "**mini lcl on sst5 (sst5-0000000a)**\n\n- search: 16 trials" in text


def test_details_count_in_the_singular() -> None:
    finished = sweep({"ce": [0.50]}).results.to_dict()
    (system,) = finished["systems"]
    system |= {"num_trials": 1, "outcomes": {"completed": 1}, "repeated": 0, "epochs": 1.0}
    system["confirmation"]["epochs"] = 1.0
    text = render(build_table([with_results(sweep({"ce": [0.50]}), finished)]), "md", detail=True)
    assert "- search: 1 trial (1 completed), 1 epoch, " in text
    assert "- confirmation: 1 of 1 seeds, 1 epoch, " in text
    assert "1 test access\n" in text


def test_a_scored_seed_without_a_score_by_this_metric_is_not_called_unscored() -> None:
    finished = sweep({"ce": [0.50, 0.51, "diverged"]})
    kept = {k: model for k, model in finished.predictions.items() if k != 101}
    text = render(build_table([replace(finished, predictions=kept)], "mcc"), "md", detail=True)
    assert "- seed 1000101: no score by this metric, trial 101" in text
    assert "- seed 1000102: not scored, diverged, trial 102" in text


def test_markup_in_names_is_escaped() -> None:
    table, *_ = markdown.render_sheet(SHEET).split("\n\n")
    lines = table.split("\n")
    assert len(lines) == 4
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in lines)
    assert not re.findall(r"(?<!\\)[<`]", table)
