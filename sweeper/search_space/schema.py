"""The keys of a search space file, with their types, meanings, units and defaults."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from sweeper.search_space.budget import Budget
from sweeper.search_space.custom_dataset import CustomDataset
from sweeper.search_space.early_stopping import EARLY_STOPPING, AshaSettings
from sweeper.search_space.racing import RacingSettings
from sweeper.search_space.samplers import DEFAULT_SAMPLER, SAMPLERS
from sweeper.search_space.sections import Confirm, Resources, Subsample, Tracking
from sweeper.search_space.tpe_settings import TpeSettings
from sweeper.search_space.yaml_key import yaml_key
from sweeper.training.config import Scalar
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.strict_model import StrictModel, one_of

PartialSetting = dict[str, Scalar]

_SAMPLER_TEXTS = " ".join(f"{name}: {sampler.description}" for name, sampler in SAMPLERS.items())
_RULE_TEXTS = " ".join(f"{name}: {rule.description}" for name, rule in EARLY_STOPPING.items())


class SearchSpaceFile(StrictModel):
    """All keys of a search space file, as written.

    `asha` is the short form of `early_stopping: {asha: ...}`. On reading, this long form becomes the short one. So both
    are the same sweep with the same fingerprint.
    """

    dataset: Annotated[str | CustomDataset, yaml_key("Name of a data set in the catalog, or a mapping for your own.")]
    on_bad_rows: Annotated[
        Literal["refuse", "drop"], yaml_key("What to do with rows that cannot be used, such as those without a text.")
    ] = "refuse"
    compare: Annotated[
        dict[str, Any], yaml_key("Hyperparameters whose every combination is a system: a row of the table.")
    ] = Field(default_factory=dict)
    search: Annotated[dict[str, Any], yaml_key("Hyperparameters that are tuned for each system.")] = Field(
        default_factory=dict
    )
    training: Annotated[dict[str, Any], yaml_key("Hyperparameters with one value for all trials.")] = Field(
        default_factory=dict
    )
    start_with: Annotated[
        list[PartialSetting], yaml_key("Settings to try first. What an entry leaves out is sampled.")
    ] = Field(default_factory=list)
    objective: Annotated[ObjectiveMetric, yaml_key("The metric that chooses settings and epochs.")] = ObjectiveMetric(
        maximize="validation/accuracy"
    )
    sampler: Annotated[str, one_of(SAMPLERS), yaml_key(f"How settings are chosen. {_SAMPLER_TEXTS}")] = DEFAULT_SAMPLER
    tpe: Annotated[TpeSettings, yaml_key("How TPE starts, and what its systems learn from each other.")] = TpeSettings()
    learn_from: Annotated[
        list[str],
        yaml_key(
            "Folders of earlier sweeps. Each system first tries its best setting of each, and TPE also learns from "
            "their ended trials, which are copied at the first start."
        ),
    ] = Field(default_factory=list)
    asha: Annotated[AshaSettings | Literal["off"], yaml_key("Settings of ASHA, or off for no early stopping.")] = (
        AshaSettings()
    )
    early_stopping: Annotated[
        dict[str, Any] | None,
        yaml_key(f"One rule with its settings, such as {{asha: {{grace_epochs: 2}}}}, or off. {_RULE_TEXTS}"),
    ] = None
    racing: Annotated[
        RacingSettings | Literal["off"],
        yaml_key(
            "The last trials of each system train its best settings again with further seeds, and settings are ranked "
            "by means that are shrunk towards the system's mean. A number N is short for {settings: N}; off by default."
        ),
    ] = "off"
    budget: Annotated[Budget, yaml_key("When the search ends: at the first of these limits.")] = Budget()
    confirm: Annotated[Confirm, yaml_key("How the best settings are trained again with fresh seeds.")] = Confirm()
    resources: Annotated[Resources, yaml_key("What one trial gets of a machine.")] = Resources()
    tracking: Annotated[Tracking, yaml_key("What MLflow gets besides metrics of the training.")] = Tracking()
    retries: Annotated[
        int, yaml_key("Times that a trial is started again after its worker was lost.", "times", ge=0)
    ] = 2
    stall_minutes: Annotated[
        float, yaml_key("Time without a sign of life after which a trial's worker is taken for dead.", "minutes", gt=0)
    ] = 15
    fail_fast_after: Annotated[
        int,
        yaml_key(
            "If so many first trials all fail with the same type of error in the same place, the sweep ends.",
            "trials",
            ge=1,
        ),
    ] = 5
    limit: Annotated[Subsample, yaml_key("Use only a part of the data, for a quick try.")] = Subsample()
    seed: Annotated[int, yaml_key("Every random number of the sweep derives from it.", ge=0)] = 0
    storage: Annotated[
        str | None,
        yaml_key("A folder or URL that all nodes share, for checkpoints.", pattern=r"^(/|[a-z][a-z0-9+.-]*://).+"),
    ] = None

    @property
    def race(self) -> RacingSettings | None:
        """The settings of the race at the end of each system's search; None if there is none."""
        return None if self.racing == "off" else self.racing

    @property
    def race_trials(self) -> int:
        """The trials of each system's share that are its race; 0 without racing."""
        return 0 if self.race is None else self.race.num_trials

    @model_validator(mode="before")
    @classmethod
    def _shorten_early_stopping(cls, values: Any) -> Any:
        """Turn `early_stopping: off` and `early_stopping: {asha: ...}` into the key `asha`.

        Beside `early_stopping`, `asha: null` is no key: so an override can replace the `asha` of a file.
        """
        if not isinstance(values, dict) or "early_stopping" not in values:
            return values
        if values.get("asha") is not None:
            raise PydanticCustomError(
                "early_stopping_twice",
                "is the long form of asha, which is set too; keep one of them (asha: null leaves that one out)",
            )
        rest = {key: value for key, value in values.items() if key not in ("asha", "early_stopping")}
        written = values["early_stopping"]
        if written == "off" or (isinstance(written, dict) and written in ({name: "off"} for name in EARLY_STOPPING)):
            return {**rest, "asha": "off"}
        if isinstance(written, dict) and list(written) == ["asha"]:
            return {**rest, "asha": written["asha"]}
        return {**rest, "early_stopping": written}

    @model_serializer(mode="wrap")
    def _leave_out_unused_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write one of `asha` and `early_stopping`, and newer keys only if they differ from the default."""
        values: dict[str, Any] = handler(self)
        if self.tpe == TpeSettings():
            values.pop("tpe", None)
        if not self.learn_from:
            values.pop("learn_from", None)
        if self.race is None:
            values.pop("racing", None)
        values.pop("early_stopping" if self.early_stopping is None else "asha", None)
        return values
