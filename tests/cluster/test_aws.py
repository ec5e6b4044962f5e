"""Ray takes cluster/aws.yaml, as far as a machine without a cloud can tell."""

import subprocess
from typing import Any

import pytest
import yaml

from tests.cluster.files import AWS, CLUSTER


def prepared() -> dict[str, Any]:
    from ray.autoscaler._private.util import prepare_config

    config: dict[str, Any] = prepare_config(yaml.safe_load((CLUSTER / "aws.yaml").read_text()))
    return config


def test_ray_takes_the_aws_file() -> None:
    from ray.autoscaler._private.util import validate_config

    validate_config(prepared())
    with pytest.raises(Exception, match="spot"):
        validate_config({**prepared(), "spot": True})


def test_aws_workers_are_gpus_on_spot_from_none_to_many_and_the_head_is_not_on_spot() -> None:
    types = prepared()["available_node_types"]
    head = types.pop(AWS["head_node_type"])
    assert "InstanceMarketOptions" not in head["node_config"]
    assert head["resources"]["CPU"] == 0
    for worker in types.values():
        assert worker["min_workers"] == 0 < worker["max_workers"] <= AWS["max_workers"]
        assert worker["resources"]["GPU"] >= 1
        assert worker["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}


def test_on_aws_the_job_server_is_on_the_loopback_and_no_port_is_opened_but_ssh() -> None:
    assert "IpPermissions" not in AWS["provider"]["security_group"]
    assert any("--dashboard-host=127.0.0.1" in command for command in AWS["head_start_ray_commands"])


def test_on_aws_all_that_must_outlive_a_machine_is_on_the_shared_folder_and_every_node_has_the_token() -> None:
    options = dict(
        option.split(" ", 1)[1].partition("=")[::2] for option in AWS["docker"]["run_options"] if "env" in option
    )
    assert options["SWEEPER_SWEEPS"] == "/sweeps"
    assert options["MLFLOW_TRACKING_URI"].startswith("http")
    assert "--volume /sweeps:/sweeps" in AWS["docker"]["run_options"]
    assert any(
        "mount -t nfs4" in command and command.endswith(":/ /sweeps") for command in AWS["initialization_commands"]
    )
    assert AWS["file_mounts"] == {"/root/.ray/auth_token": "~/.ray/auth_token"}
    assert "RAY_AUTH_MODE=token" in (CLUSTER / "Dockerfile").read_text()


def test_the_shell_takes_what_aws_nodes_run() -> None:
    """As Ray runs it: in brackets, so that a comment in it would swallow the closing one."""
    commands = AWS["initialization_commands"] + AWS["head_start_ray_commands"] + AWS["worker_start_ray_commands"]
    for command in commands:
        assert subprocess.run(["bash", "-n", "-c", f"true && ({command})"], check=False).returncode == 0, command
