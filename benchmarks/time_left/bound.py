"""The best answers that an estimate of the remaining time could give, of a simulated sweep.

From each moment on, the sweep is continued many times with other random numbers. The best answer is the one that is
within a third of most of these continuations. Who gives it knows the machine's speed, how good the trials under way
are, and how settings, values and steps are drawn. An estimate knows only the record, so no estimate can do better in
the long run.
"""

from dataclasses import replace
from random import Random

from benchmarks.time_left.replay import SHARES, Estimate, find_span
from benchmarks.time_left.shapes import make_player, redraw_slow_part, simulated_sweep
from benchmarks.time_left.timed_sweep import BEGAN, SweepPlayer
from sweeper.protocol.likely_answer import likely_answer


def best_estimates(number: int, limit: str, continuations: int) -> list[Estimate]:
    """Return the best answers at the moments of a replay, each from so many continuations."""
    sweep, player = simulated_sweep(number, limit), make_player(number, limit)
    begin, end = find_span(sweep)
    scored = min((record.test.at for record in sweep.records if record.test is not None), default=end)
    estimates = []
    for share in SHARES:
        now = begin + share * (end - begin)
        answer = (end - now) / 1000  # once a model is scored, nothing is left to chance
        if now < scored:
            player.play((now - BEGAN) / 1000)
            random = Random(f"{number} {limit} {share}")
            answer = likely_answer([_drawn_seconds(player, now, random) for _ in range(continuations)])
        estimates.append(Estimate(share, answer, (end - now) / 1000))
    return estimates


def _drawn_seconds(player: SweepPlayer, now: float, random: Random) -> float:
    """Return the seconds that one continuation takes from `now`, in milliseconds since 1970."""
    at = (now - BEGAN) / 1000
    machine = replace(player.machine, slow_part=redraw_slow_part(player.machine.slow_part, at, random))
    return max(0.0, find_span(player.fork(machine, random, at).play())[1] - now) / 1000
