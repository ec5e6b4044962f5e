"""Jobs of a cluster are found by their own name, and by that of a sweep that they run."""

from typing import cast

import pytest

from sweeper.app.submit import find_job
from sweeper.errors import UsageError
from sweeper.execution.job_server import JobServer, SubmittedJob


class Cluster:
    """A job server with three jobs, two of them of the same sweep."""

    def jobs(self) -> list[SubmittedJob]:
        return [
            SubmittedJob("a-1", "STOPPED", ("a",), 10.0, 20.0, 143, ""),
            SubmittedJob("a-2", "RUNNING", ("a", "b"), 30.0, None, None, ""),
            SubmittedJob("c-1", "SUCCEEDED", ("c",), 40.0, 50.0, 0, ""),
        ]

    def job(self, name: str) -> SubmittedJob:
        for job in self.jobs():
            if job.id == name:
                return job
        raise UsageError(f"{name}: no such job")


@pytest.mark.parametrize(("name", "job"), [("a", "a-2"), ("b", "a-2"), ("c", "c-1"), ("a-1", "a-1"), ("a-2", "a-2")])
def test_a_job_is_found_by_its_sweep_the_running_one_first(name: str, job: str) -> None:
    assert find_job(cast("JobServer", Cluster()), name).id == job


def test_an_unknown_name_is_the_servers_error() -> None:
    with pytest.raises(UsageError, match="d: no such job"):
        find_job(cast("JobServer", Cluster()), "d")
