"""A node that cluster/node.sh starts stays, has a token, and is given up where it is silent."""

import os
from pathlib import Path

from tests.cluster.files import CLUSTER, HEALTH
from tests.cluster.stand_ins import calls, program, shell


def test_a_node_that_ends_is_started_again_until_the_script_is_told_to_end(stand_ins: Path, tmp_path: Path) -> None:
    again = 'n=$(grep -c "ray start" ../calls); [ "$n" -lt 3 ] || kill -TERM "$PPID"; exit "$n"'
    program(stand_ins, "ray", f'[ "$1" = start ] || exit 0; cd {stand_ins}; {again}')
    done = shell(tmp_path, "bash", str(CLUSTER / "node.sh"), "--address=head:6379")
    assert done.returncode == 0, done.stderr
    started = [call for call in calls(tmp_path) if call.startswith("ray start")]
    assert started == ["ray start --block --dashboard-agent-listen-port=0 --address=head:6379"] * 3
    assert "(1)" in done.stderr
    assert "(2)" in done.stderr


def test_no_node_starts_without_a_token(stand_ins: Path, tmp_path: Path) -> None:
    program(stand_ins, "ray", '[ "$1" != get-auth-token ]')
    done = shell(tmp_path, "bash", str(CLUSTER / "node.sh"), "--head")
    assert done.returncode == 2
    assert calls(tmp_path) == ["ray get-auth-token"]


def test_a_node_is_given_a_token_and_health_checks_of_15_seconds(stand_ins: Path, tmp_path: Path) -> None:
    program(stand_ins, "ray", '[ "$1" = start ] || exit 0; env > ../node; kill -TERM "$PPID"')
    shell(stand_ins, "bash", str(CLUSTER / "node.sh"), "--head", PATH=f"{stand_ins}:{os.environ['PATH']}")
    given = dict(line.partition("=")[::2] for line in (tmp_path / "node").read_text().splitlines())
    assert given["RAY_AUTH_MODE"] == "token"
    assert {name: given[f"RAY_health_check_{name}"] for name in HEALTH} == HEALTH
