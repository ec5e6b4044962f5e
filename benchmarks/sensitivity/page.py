"""The page in Markdown: picture, shares of the variance, ranges of scores, what was recorded, and limits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.economy.figures import share_interval
from benchmarks.sensitivity.shares import INTERACTIONS, LEVEL, UNEXPLAINED, Analysis, Share
from benchmarks.sensitivity.trainings import HYPERPARAMETERS, Trainings

LABELS = {
    "learning_rate": "learning rate",
    "batch_size": "batch size",
    "normalize": "features (raw or cosine)",
    INTERACTIONS: "all interactions",
    UNEXPLAINED: "not explained",
}
LOSS_NAMES = {"ce": "CE", "scl": "SCL", "lcl": "LCL"}
BELOW = 0.05  # a setting further below the best one than this is a bad choice
_WORST = 10  # percent of the settings
_SMALL = 0.01  # a smaller share is not named among the findings

_CAPTION = (
    "Above: shares with their intervals; a filled dot is above its chance level. Below: the fitted score over learning "
    "rate and tau, and over alpha and tau at the best learning rate, as means over the other hyperparameters. Dots are "
    "recorded settings in the color of their score; on the maps of alpha, those within a factor of 2 of its rate."
)

Origins = Mapping[str, Sequence[Mapping[str, Any]]]  # data set -> the sweeps that made its rows
Skipped = Sequence[tuple[Trainings, str]]  # a loss that was not analyzed, and the reason


def write_page(
    analyses: Sequence[Analysis], origins: Origins, skipped: Skipped, permutations: int, picture: str, command: str
) -> str:
    """Return the page. `picture` is the address of the picture, and `command` made both.

    The chance levels are those of `permutations`.
    """
    lines = ["# Where label-aware contrastive loss is sensitive", ""]
    lines += [*_findings(analyses), "", f"![Shares of variance, and maps of the score]({picture})", "", _CAPTION, ""]
    lines += ["## The share of each hyperparameter", "", *_share_sections(analyses)]
    lines += ["## From the best setting to the worst", "", *_range_table([analysis.trainings for analysis in analyses])]
    lines += ["", "## What was recorded", "", *_recorded(analyses, origins), *_skipped_lines(skipped)]
    lines += ["", "## How it was computed", "", *_method(analyses, permutations), ""]
    lines += ["## What cannot be concluded", "", *_limits(analyses), "", f"Made by `{command}`."]
    return "\n".join(lines) + "\n"


def label(name: str) -> str:
    """Return the words for a hyperparameter or another share."""
    return LABELS.get(name, name)


def percent(share: Share) -> str:
    """Return a share and its interval in percent."""
    return f"{100 * share.value:.0f} % ({100 * share.low:.0f} to {100 * share.high:.0f})"


def ordered_names(analyses: Sequence[Analysis]) -> list[str]:
    """Return the hyperparameters of all analyses, in the order of a search space."""
    names = {name for analysis in analyses for name in analysis.space.names}
    return [name for name in HYPERPARAMETERS if name in names]


def bad_share(trainings: Trainings) -> tuple[float, float, float]:
    """Return the share of settings that are more than 5 points below the best one, with its interval."""
    return share_interval(pd.Series(trainings.scores < trainings.scores.max() - BELOW))


def _findings(analyses: Sequence[Analysis]) -> Iterator[str]:
    """Yield one item for each data set: the finding for LCL, or for the last loss that was analyzed."""
    for dataset in dict.fromkeys(analysis.trainings.dataset for analysis in analyses):
        analysis = [each for each in analyses if each.trainings.dataset == dataset][-1]
        yield f"- **{dataset}, {LOSS_NAMES[analysis.trainings.loss]}**: {_finding(analysis)}"


def _finding(analysis: Analysis) -> str:
    scores = 100 * analysis.trainings.scores
    found = [share for share in analysis.shares if share.is_finding and share.value >= _SMALL]
    found.sort(key=lambda share: -share.value)
    rest = [label(share.name) for share in analysis.shares if share.chance is not None and share not in found]
    share, low, high = (100 * value for value in bad_share(analysis.trainings))
    parts = [
        f"the best of {len(scores)} settings has {scores.max():.1f} % accuracy, the {_WORST} % worst "
        f"{np.percentile(scores, _WORST):.1f} % or less. "
        f"{share:.0f} % ({low:.0f} to {high:.0f}) of them are more than {100 * BELOW:.0f} points below the best."
    ]
    if found:
        parts.append(f"Shares of variance above chance: {', '.join(f'{label(s.name)} {percent(s)}' for s in found)}.")
    if rest:
        parts.append(f"Below {100 * _SMALL:.0f} % or not above chance: {', '.join(rest)}.")
    return " ".join(parts)


def _share_sections(analyses: Sequence[Analysis]) -> Iterator[str]:
    yield (
        f"Percent of the variance of the best validation accuracy, with the {LEVEL} % interval over settings and, "
        "after the semicolon, the chance level. Shares above it are bold. A share that is not bold is no finding."
    )
    yield ""
    for dataset in dict.fromkeys(analysis.trainings.dataset for analysis in analyses):
        chosen = [analysis for analysis in analyses if analysis.trainings.dataset == dataset]
        yield f"| {dataset} | {' | '.join(LOSS_NAMES[analysis.trainings.loss] for analysis in chosen)} |"
        yield f"|{'---|' * (len(chosen) + 1)}"
        for name in [*ordered_names(chosen), INTERACTIONS, UNEXPLAINED]:
            yield f"| {label(name)} | {' | '.join(_share_cell(analysis, name) for analysis in chosen)} |"
        yield f"| of this, the seed's noise | {' | '.join(_noise_cell(analysis) for analysis in chosen)} |"
        yield f"| held-out settings, R² | {' | '.join(f'{analysis.fit:.2f}' for analysis in chosen)} |"
        yield ""


def _share_cell(analysis: Analysis, name: str) -> str:
    share = next((share for share in analysis.shares if share.name == name), None)
    if share is None:
        return ""
    value = f"{100 * share.value:.0f}"
    chance = "" if share.chance is None else f"; {100 * share.chance:.0f}"
    interval = f"({100 * share.low:.0f} to {100 * share.high:.0f}{chance})"
    return f"**{value}** {interval}" if share.is_finding else f"{value} {interval}"


def _noise_cell(analysis: Analysis) -> str:
    noise = analysis.noise
    return "not measured" if noise is None else percent(noise).replace(" %", "")


def _range_table(trainings: Sequence[Trainings]) -> Iterator[str]:
    yield (
        f"| data set | loss | best | median | {_WORST} % worst | best to {_WORST} % worst, points "
        f"| settings more than {100 * BELOW:.0f} points below the best, % |"
    )
    yield "|---|---|---|---|---|---|---|"
    for each in trainings:
        best, median, worst = (100 * np.percentile(each.scores, place) for place in (100, 50, _WORST))
        share, low, high = (100 * value for value in bad_share(each))
        yield (
            f"| {each.dataset} | {LOSS_NAMES[each.loss]} | {best:.1f} | {median:.1f} | {worst:.1f} "
            f"| {best - worst:.1f} | {share:.0f} ({low:.0f} to {high:.0f}) |"
        )


def _recorded(analyses: Sequence[Analysis], origins: Origins) -> Iterator[str]:
    for dataset, origin in origins.items():
        chosen = [analysis.trainings for analysis in analyses if analysis.trainings.dataset == dataset]
        counts = ", ".join(f"{LOSS_NAMES[each.loss]} {_describe_counts(each)}" for each in chosen)
        yield f"- {dataset}: {counts or 'nothing that was analyzed'}. {_describe_origin(origin)}"


def _describe_counts(trainings: Trainings) -> str:
    fewest, most = int(trainings.seeds.min()), int(trainings.seeds.max())
    seeds = f"{most} seed{'s' if most > 1 else ''}" if fewest == most else f"{fewest} to {most} seeds"
    ends = [f"{count} {name.replace('_', ' ')}" for name, count in trainings.outcomes.items() if name != "completed"]
    return f"{len(trainings.scores)} settings with {seeds} each" + (f" ({', '.join(ends)})" if ends else "")


def _describe_origin(sweeps: Sequence[Mapping[str, Any]]) -> str:
    """Return the texts, the encoder and the training of recorded rows, and the machines that wrote them.

    Sweeps differ in the last only.
    """
    sweep = sweeps[0]
    limit = ", ".join(f"{value:,} for {name}" for name, value in sweep["limit"].items() if value)
    encoders = ", ".join(name for name in sweep["resolved"] if name not in ("dataset", "rows")) or "unknown"
    training = ", ".join(f"{name} {value}" for name, value in sweep["training"].items())
    versions = ", ".join(
        f"{name} {sweep['versions'][name]}" for name in ("sweeper", "torch") if name in sweep["versions"]
    )
    machines = dict.fromkeys(f"{each['machine']['cores']} cores of {each['machine']['processor']}" for each in sweeps)
    return (
        f"Texts: {f'at most {limit}' if limit else 'all'}. Encoder: {encoders}. Training: {training}. "
        f"{sweep['threads']} thread per trial; {versions}. Rows written on {', '.join(machines)}."
    )


def _skipped_lines(skipped: Skipped) -> Iterator[str]:
    for trainings, reason in skipped:
        yield f"- {trainings.dataset}, {LOSS_NAMES[trainings.loss]}: left out, because {reason}."


def _method(analyses: Sequence[Analysis], permutations: int) -> Iterator[str]:
    yield (
        "- A training's score is its best validation accuracy, also if it diverged or collapsed later. A setting has "
        "the mean over its seeds. Trainings that failed or ran out of memory are left out."
    )
    yield (
        "- A Gaussian process (Matérn kernel, one length per input, noise) is fitted to the settings of one loss. The "
        "shares are its Sobol indices by `scipy.stats.sobol_indices`, times its variance over the space, divided by "
        "the variance of the recorded scores. tau stands for the place within its range, which differs for raw and "
        "cosine features."
    )
    yield (f"- An interval is the middle {LEVEL} % over resamples of the settings, each analyzed from the start.")
    tested = sum(share.chance is not None for analysis in analyses for share in analysis.shares)
    yield (
        f"- The chance level of a hyperparameter is the largest share that it gets in {permutations} analyses with its "
        "own values shuffled among the settings; that of interactions, the largest with the scores shuffled. Of "
        f"{tested} shares without any influence, about {tested / (permutations + 1):.1f} would be bold."
    )


def _limits(analyses: Sequence[Analysis]) -> Iterator[str]:
    yield "- A share holds for the ranges that were searched. A narrower range of learning rates gives the others more."
    yield "- The scores are those of validation, and the best of many is too high. Nothing here is a test result."
    if any(analysis.noise is None for analysis in analyses):
        yield "- Where settings have one seed, what is not explained is noise and misfit together."
    if any(analysis.fit < 0.5 for analysis in analyses):
        yield "- Where R² on held-out settings is below .5, the map is a rough one: trust the large shares only."
    yield "- A share close to its chance level is not shown to be zero: few settings show large effects only."
    yield "- With more texts or epochs than recorded, or a larger encoder, the shares may differ."
    yield "- What did not vary has no share here, such as the reduction of the loss over the batch."
