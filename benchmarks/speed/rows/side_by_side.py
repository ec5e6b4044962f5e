"""Two trainings with one thread each at the same time: together, how many texts a second?"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from benchmarks.speed.cases import SWEEPER, Arm, Case, Measurement
from benchmarks.speed.processes import ArmProcess
from benchmarks.speed.session import Session

_TUNED = "two Trainers, tuned"
_OURS, _TRAINER = "benchmarks.speed.arms.training:measure", "benchmarks.speed.peers.trainer:measure"
_QUICK_BATCH = 8


def cases(session: Session) -> Iterator[Case]:
    """Yield a case for each batch size, in a quick run for one."""
    settings = replace(session.settings, threads=1)
    sizes = (_QUICK_BATCH,) if settings.quick else settings.batch_sizes
    pairs = {SWEEPER: ("sweeper 1", "sweeper 2"), _TUNED: ("Trainer 1", "Trainer 2")}
    with session.processes(*pairs[SWEEPER], *pairs[_TUNED]) as processes:
        for batch in sizes:
            ours = (_OURS, settings, "ce", "shared", batch, settings.steps)
            theirs = (_TRAINER, settings, True, "ce", "shared", batch, settings.steps)
            arms = [
                Arm(SWEEPER, partial(_measure_pair, [processes[name] for name in pairs[SWEEPER]], *ours)),
                Arm(_TUNED, partial(_measure_pair, [processes[name] for name in pairs[_TUNED]], *theirs)),
            ]
            title = f"two CE trainings of one thread, batch {batch}"
            yield Case(f"side_by_side/{batch}", title, "texts/s", arms, True, "the sum of both")


def _measure_pair(processes: list[ArmProcess], measure: str, *arguments: object) -> Measurement:
    """Run the same measurement in both processes at the same time, with seeds of their own. Return the sum."""
    *rest, seed = arguments
    assert isinstance(seed, int)
    futures = [process.submit(measure, *rest, 1000 * seed + k) for k, process in enumerate(processes)]
    results = [future.result() for future in futures]
    return Measurement(sum(result.value for result in results), _mean_parts(results))


def _mean_parts(results: list[Measurement]) -> Mapping[str, float]:
    return {name: sum(result.parts[name] for result in results) / len(results) for name in results[0].parts}
