"""The sections of a search space file, other than its knobs."""

import hashlib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from sweeper.data.catalog import DatasetSpec
from sweeper.training.config import StrictModel


class Asha(StrictModel):
    """Asynchronous successive halving: rungs at grace_epochs * reduction_factor^k."""

    grace_epochs: Annotated[float, Field(gt=0)] = 2
    reduction_factor: Annotated[int, Field(ge=2)] = 3

    def rungs(self, epochs: int, validations_per_epoch: int) -> tuple[int, ...]:
        """The validations (counted from 1) after which a trial may be stopped."""
        steps, last = [], epochs * validations_per_epoch
        step = self.grace_epochs * validations_per_epoch
        while step < last:
            steps.append(round(step))
            step *= self.reduction_factor
        return tuple(steps)


class Budget(StrictModel):
    """When to stop proposing: after this many trials, or this many hours of one run of the command."""

    trials: Annotated[int, Field(ge=1)] = 20
    hours: Annotated[float, Field(gt=0)] | None = None


class Confirm(StrictModel):
    """The best settings of each cell are trained again with so many fresh seeds, `top` of them; 0 seeds: none is."""

    seeds: Annotated[int, Field(ge=0)] = 5
    top: Annotated[int, Field(ge=1)] = 1


class Resources(StrictModel):
    """What one trial gets. A fraction of a GPU lets several trials share one; `accelerator` is its type, as A100."""

    gpu: Annotated[float, Field(ge=0)] = 0
    cpu: Annotated[int, Field(ge=1)] = 1
    accelerator: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")] | None = None

    @field_validator("gpu")
    @classmethod
    def _shared_or_whole(cls, gpu: float) -> float:
        if gpu > 1 and gpu != int(gpu):
            raise PydanticCustomError("gpu", "Input should be a fraction of one GPU or a whole number of them")
        return gpu


class Tracking(StrictModel):
    """What MLflow is told beside the figures. `system_metrics`: what each epoch took of its machine."""

    system_metrics: bool = False


class Subsample(StrictModel):
    """Use only a part of a split, so many rows, each class with its share: for a quick try, not for a result."""

    train: Annotated[int, Field(ge=1)] | None = None
    validation: Annotated[int, Field(ge=1)] | None = None


class CustomDataset(StrictModel):
    """A user's own data set: files by split, or one of the hub. Two text columns make a pair."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")] | None = None
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    hub: Annotated[str, Field(min_length=1)] | None = None
    train_config: str | None = None
    revision: str = "main"
    text: str | Annotated[list[str], Field(min_length=1, max_length=2)] = "text"
    label: str = "label"

    @property
    def files(self) -> dict[str, str]:
        """The files by split."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {split: path for split, path in named.items() if path is not None}

    @property
    def to_dataset_spec(self) -> DatasetSpec:
        """The same in the catalog's words."""
        text = (self.text,) if isinstance(self.text, str) else tuple(self.text)
        return DatasetSpec(
            name=self.name or _name(self.hub or str(self.train)), repository=self.hub or "", config=self.train_config,
            revision=self.revision, files=self.files, text=text, label=self.label,
        )  # fmt: skip

    @property
    def content_digest(self) -> dict[str, Any]:
        """What makes two of them the same: of files, what is in them, not where they are."""
        digests = {split: hashlib.sha256(Path(path).read_bytes()).hexdigest() for split, path in self.files.items()}
        kept = self.model_dump(exclude={"train", "validation", "test"})
        return {**kept, "files": digests} if digests else kept


def _name(source: str) -> str:
    """A name for a data set: the last part of its id, the file's, or of a file called train the folder's."""
    path = Path(source)
    stem = path.resolve().parent.name if path.stem.lower().startswith("train") else path.stem
    return "".join(sign if sign.isalnum() or sign in "._" else "_" for sign in stem).strip("._") or "own"
