"""Simulated sweeps of many shapes: slots, systems, trials, early stopping, limits, confirmation, speeds."""

import math
from random import Random
from statistics import quantiles
from typing import Any

from benchmarks.time_left.timed_sweep import Machine, SweepPlayer, TimedSweep
from sweeper.search_space import parser
from sweeper.search_space.document import SourceDocument
from sweeper.search_space.sweep_spec import SweepSpec

_LOSSES = ("ce", "scl", "lcl")
LIMITS = ("none", "hours", "epochs", "patience", "stop_at")


def simulated_sweep(number: int, limit: str = "none") -> TimedSweep:
    """Return simulated sweep number `number`, played through."""
    return make_player(number, limit).play()


def make_player(number: int, limit: str = "none") -> SweepPlayer:
    """Return the player of simulated sweep number `number`, with one limit of the search besides its trials, or none.

    Hours are a part of what the search takes without them; a value of `stop_at` is one that the search reaches.
    """
    if limit == "none":
        return _make_player(number, {}, {})
    free, random = simulated_sweep(number), Random(number + 0.5)
    share = random.uniform(0.4, 0.8)
    values = [report.metrics[free.spec.objective.metric] for it in free.records for report in it.reports]
    epochs = sum(len(it.reports) for it in free.records if it.trial.is_of_search) / free.spec.validations_per_epoch
    limits: dict[str, Any] = {
        "hours": share * ((free.sessions[-1].ended or 0) - free.sessions[-1].began) / 3.6e6,
        "epochs": max(1, round(share * epochs)),
        "patience": {"trials": random.choice([3, 6])},
    }
    stop_at = {"stop_at": quantiles(values, n=20)[-1]} if limit == "stop_at" else {}
    return _make_player(number, {limit: limits[limit]} if limit in limits else {}, stop_at)


def _make_player(number: int, limits: dict[str, Any], stop_at: dict[str, Any]) -> SweepPlayer:
    random = Random(number)
    systems = random.choice([1, 2, 3])
    spec = _spec(random, systems, limits, stop_at)
    slots = random.choice([1, 2, 4, 16])
    slow_from = _draw_slow_from(random)
    machine = Machine(
        text=math.exp(random.gauss(math.log(0.02), 1.0)),
        systems=[math.exp(random.gauss(0, 0.4)) for _ in range(systems)],
        spread=random.choice([0.03, 0.1, 0.3]),
        command=8,
        processes=random.uniform(3, 15),
        trial=random.uniform(0.05, 0.5),
        slowdown=2.0,
        slow_part=(slow_from, slow_from + 3600 * random.random()),
    )
    train = random.choice([500, 2000, 8000])
    validation = random.choice([train // 10, train // 2])
    texts = {"train": train, "validation": validation, "test": validation * random.choice([1, 2, 6])}
    return SweepPlayer(spec, slots, machine, texts, random)


def _draw_slow_from(random: Random) -> float:
    """Return the second at which the machine becomes slow for a while; infinity in three of four sweeps."""
    is_slow, begin = random.random() < 0.25, 3600 * random.random()
    return begin if is_slow else math.inf


def redraw_slow_part(slow_part: tuple[float, float], now: float, random: Random) -> tuple[float, float]:
    """Return a slow part that is the same up to now, and drawn again from then on."""
    begin, end = slow_part
    if end <= now:
        return slow_part
    if begin <= now:
        return begin, begin + random.uniform(now - begin, 3600)
    begin = now
    while begin <= now:
        begin = _draw_slow_from(random)
    return begin, begin + 3600 * random.random()


def _spec(random: Random, systems: int, limits: dict[str, Any], stop_at: dict[str, Any]) -> SweepSpec:
    epochs = random.choice([3, 6, 10])
    trials = systems * random.choice([4, 6, 12, 30])
    search: dict[str, Any] = {"batch_size": [8, 16, 32], "learning_rate": {"log": [1e-5, 1e-3]}}
    training: dict[str, Any] = {"validations_per_epoch": random.choice([1, 2])}
    if random.random() < 0.4:
        search["epochs"] = [epochs // 3, epochs]
    else:
        training["epochs"] = epochs
    document = {
        "dataset": "sst5",
        "compare": {"encoder": ["m"], "loss": list(_LOSSES[:systems])},
        "search": search,
        "training": training,
        "objective": {"maximize": "validation/accuracy", **stop_at},
        "asha": random.choice(["off", {"grace_epochs": 1, "reduction_factor": 3}, {"reduction_factor": 2}]),
        "budget": {"trials": trials, **limits},
        "confirm": random.choice([{"seeds": 0}, {"seeds": 3}, {"seeds": 5}, {"seeds": 3, "top": 2}]),
    }
    return parser.parse_spec(SourceDocument("simulated.yaml", document))
