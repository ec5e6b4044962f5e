"""The sweep whose runs a tracker sends to MLflow."""

from dataclasses import dataclass

from sweeper.tracking.data_identity import DataIdentity


@dataclass(frozen=True)
class TrackedSweep:
    """A sweep as MLflow knows it: the values by which its runs are found, and with which its own run is created.

    `name` is that of its folder. `id` distinguishes the sweep from another one with the same name, made elsewhere or
    again; it is "" if an earlier version began the sweep. `started_at` is in milliseconds since 1970; None for now.
    """

    name: str
    fingerprint: str
    id: str
    dataset: DataIdentity
    started_at: int | None = None
