"""A job in Ray's object store. Its data reach each worker process once, not with each trial."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import ray

from sweeper.training.types import TrainingData
from sweeper.trials.interfaces import TrainingJob

_data_of_process: dict[str, tuple[str, TrainingData]] = {}  # reference and data by encoder; memory of the object store


@dataclass(frozen=True)
class SharedJob:
    """References to a job without data, and to its data by encoder.

    Tune replaces a reference among a trial's parameters by the object that it refers to (Ray 2.60). Inside this object
    it leaves references as they are.
    """

    job: Any
    data: Mapping[str, Any]

    def __deepcopy__(self, memo: object) -> "SharedJob":
        """Return this object: Tune copies the parameters of each trial several times."""
        return self

    def load(self, encoder: str) -> tuple[TrainingJob, TrainingData]:
        """Return the job, and the data of an encoder, which later trials of this process reuse."""
        reference = self.data[encoder]
        if encoder not in _data_of_process or _data_of_process[encoder][0] != reference.hex():
            _data_of_process[encoder] = (reference.hex(), ray.get(reference))
        return ray.get(self.job), _data_of_process[encoder][1]


@dataclass
class JobSharing:
    """Puts jobs into the object store, one after another. Data that the last job had too are not put there again."""

    _data: dict[str, TrainingData] = field(default_factory=dict)
    _references: dict[str, Any] = field(default_factory=dict)

    def share(self, job: TrainingJob) -> SharedJob:
        """Return references to a job and its data."""
        self._references = {
            encoder: self._references[encoder] if self._data.get(encoder) is data else ray.put(data)
            for encoder, data in job.data.items()
        }
        self._data = dict(job.data)
        return SharedJob(ray.put(replace(job, data={})), self._references)
