"""The state of a run of a sweep, in the words of MLflow."""

from enum import StrEnum


class RunStatus(StrEnum):
    """The state of a sweep, or of one of its runs in MLflow. An interrupted run is KILLED; it is reopened on resume."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"
