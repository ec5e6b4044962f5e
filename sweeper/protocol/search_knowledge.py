"""What a search began with besides its own trials, and its race: sentences for the report and the checklist."""

from collections.abc import Iterator

from sweeper.protocol.learned_from import describe_learned_from
from sweeper.protocol.sweep_results import SweepResults
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.wording import count_noun, format_value


def describe_first_settings(spec: SweepSpec) -> Iterator[str]:
    """Yield where settings came from that the sampler did not choose by earlier trials of the sweep, as sentences."""
    if spec.start_with:
        were = "setting was" if len(spec.start_with) == 1 else "settings were"
        yield f"Before these, {len(spec.start_with)} {were} tried that the search space names (start_with)."
    if spec.tpe.start == "quasi_random":
        yield "The first settings of each system are points of one quasi-random design over all systems."
    priors = [
        f"{hyperparameter.name} {format_value(branch.prior)}"
        for hyperparameter in spec.space.searched_hyperparameters()
        for branch in hyperparameter.branches
        if branch.prior is not None
    ]
    if priors:
        yield f"The search space stated where good values were expected: {', '.join(priors)}."


def describe_earlier_sweeps(results: SweepResults) -> Iterator[str]:
    """Yield what the search borrowed from earlier sweeps (learn_from), as sentences; none if it borrowed nothing."""
    if results.learned_from:
        described = ". ".join(map(describe_learned_from, results.learned_from))
        yield f"Borrowed from earlier sweeps when this one began: {described}."
        yield "A system's first trials have the best setting that it had in each of these sweeps."


def describe_race(spec: SweepSpec, results: SweepResults) -> Iterator[str]:
    """Yield how the best settings raced and how settings are ranked then, as sentences; none without a race."""
    race = spec.race
    if race is None:
        return
    raced = count_noun(sum(result.raced for result in results.systems), "trial")
    yield (
        f"Race: {race.describe()}: {race.describe_rounds()}. Of the trials above, {raced} raced. A setting is ranked "
        "by the mean over its seeds, shrunk towards the mean of its system's settings. The model has random effects: "
        "the variance between seeds is pooled over repeated settings, and that between settings is estimated from the "
        "spread of their means (Paule & Mandel 1982). The score in the search stays the plain mean."
    )


def describe_clones(results: SweepResults) -> Iterator[str]:
    """Yield how many trials a user chose (sweeper clone), as a sentence; none without such trials."""
    cloned = sum(result.cloned for result in results.systems)
    if cloned:
        verb = "was" if cloned == 1 else "were"
        yield f"Of the trials above, {cloned} {verb} chosen by a user, beyond the equal shares of the systems."
