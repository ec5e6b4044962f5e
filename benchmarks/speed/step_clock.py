"""The speed of whole training steps, measured in the same way for every trainer."""

import time

from benchmarks.speed.cases import Measurement


class StepClock:
    """Notes the end of each step. The first step is left out: it includes what happens only once."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.processor: list[float] = []

    def step_ended(self) -> None:
        """Note that a step, with its update of the weights, has ended."""
        self.ends.append(time.perf_counter())
        self.processor.append(time.process_time())

    def texts_per_second(self, batch_size: int) -> Measurement:
        """Return the texts a second of the steps after the first, and the processor time of one step."""
        steps = len(self.ends) - 1
        seconds, processor = self.ends[-1] - self.ends[0], self.processor[-1] - self.processor[0]
        parts = {"ms a step": 1000 * seconds / steps, "processor ms a step": 1000 * processor / steps}
        return Measurement(batch_size * steps / seconds, parts)
