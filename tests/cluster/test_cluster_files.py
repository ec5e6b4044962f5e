"""The files in cluster/ do what they say, as far as a machine without cloud, Docker, Kubernetes or Slurm can tell."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from tests.conftest import ROOT

CLUSTER = ROOT / "cluster"
README = (CLUSTER / "README.md").read_text(encoding="utf-8")
AWS = yaml.safe_load((CLUSTER / "aws.yaml").read_text())
VOLUME, RAYCLUSTER, RAYJOB = (
    yaml.safe_load((CLUSTER / "kuberay" / f"{name}.yaml").read_text()) for name in ("volume", "raycluster", "rayjob")
)
HEALTH = {"period_ms": "1000", "timeout_ms": "2000", "failure_threshold": "5"}  # a silent node is given up after 15 s


# Every command of ray and sweeper that the files and the README run exists, with its options.


def commands_of(text: str) -> Iterator[list[str]]:
    """The simple commands of a shell text, as words; those in $(…) and quotes too."""
    text = "\n".join(line for line in text.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#"))
    text = re.sub(r"\$\(\([^()]*\)\)", "1", text).replace('"$(', " ; ").replace("$(", " ; ")
    for line in text.splitlines():
        words: list[str] = []
        for word in [*_words(line), ";"]:
            if not set(word) <= set("();|&"):
                words.append(word)
            elif words:
                yield words
                words = []


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line.replace("'", '"') if line.count("'") % 2 else line, posix=True, punctuation_chars="();|&")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # a quotation that goes on in the next line: no command here does
        return []


def named(words: Sequence[str]) -> list[str]:
    """A command of ray or sweeper, from its name on and until its output is sent elsewhere; [] where it is another."""
    before = {"RAY_ADDRESS=$head:$port", "${on_head[@]}", "until"}
    words = [word for place, word in enumerate(words) if word not in before or place > 3]
    if not words or words[0] not in {"ray", "sweeper", "cluster/node.sh"}:
        return []
    ends = [place for place, word in enumerate(words) if word.startswith((">", "2>"))]
    return list(words[: min(ends, default=len(words))])


def written() -> list[tuple[str, list[str]]]:
    """The commands of ray and sweeper in this folder, each with the file that it is in."""
    texts = [("README.md", block) for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)]
    texts += [(name, (CLUSTER / name).read_text()) for name in ("node.sh", "slurm.sbatch")]
    texts += [("aws.yaml", "\n".join(AWS[f"{kind}_start_ray_commands"])) for kind in ("head", "worker")]
    texts += [("rayjob.yaml", RAYJOB["spec"]["entrypoint"])]
    found = [(file, named(words)) for file, text in texts for words in commands_of(text)]
    return [(file, command) for file, command in found if command]


@pytest.fixture(scope="module")
def programs() -> dict[str, Any]:
    """Ray's commands and sweeper's; a node by hand takes what `ray start` takes."""
    import typer
    from ray.scripts.scripts import cli

    from sweeper.cli import app

    return {"ray": cli, "sweeper": typer.main.get_command(app), "cluster/node.sh": cli.commands["start"]}


def parse(words: Sequence[str], programs: Mapping[str, Any]) -> None:
    """Parse a command line as its program would, without running it. Raises what the program would."""
    name, *rest = words
    program = programs[name]
    while hasattr(program, "commands"):
        name, *rest = rest
        program = program.commands[name]
    program.make_context(name, rest)


def test_the_commands_are_found_where_they_are_written() -> None:
    found: dict[str, set[str]] = {}
    for file, words in written():
        found.setdefault(file, set()).add(" ".join(words[:2]) if words[0] in {"ray", "sweeper"} else words[0])
    assert found["README.md"] == {
        "cluster/node.sh", "ray get-auth-token", "ray up", "ray down", "ray dashboard", "ray monitor",
        "sweeper submit", "sweeper jobs", "sweeper logs", "sweeper stop",
    }  # fmt: skip
    assert found["node.sh"] == {"ray get-auth-token", "ray start"}
    assert found["slurm.sbatch"] == {"ray status", "sweeper run"}
    assert found["aws.yaml"] == {"ray start", "ray stop"}
    assert found["rayjob.yaml"] == {"sweeper run"}


WRITTEN = written()


@pytest.mark.parametrize("words", [words for _, words in WRITTEN], ids=[f"{f}: {shlex.join(w)}" for f, w in WRITTEN])
def test_every_command_is_one_that_its_program_takes(words: list[str], programs: dict[str, Any]) -> None:
    file = ["search_spaces/sst5.yaml"] if words[0] == "sweeper" else []
    parse([one for word in words for one in (file if word == "$@" else [word])], programs)


@pytest.mark.parametrize(
    "line", ["ray up --spot cluster/aws.yaml", "sweeper submit a.yaml --address http://head --node"]
)
def test_an_option_that_a_program_does_not_have_is_noticed(line: str, programs: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="No such option"):
        parse(shlex.split(line), programs)


# The node that stays.


def program(folder: Path, name: str, script: str) -> None:
    """A stand-in for a command, which notes in `calls` how it was called and then does as the script says."""
    path = folder / name
    notes = f'printf "%s\\n" "$(basename "$0") $*" >> {shlex.quote(str(folder.parent / "calls"))}\n'
    path.write_text(f"#!/usr/bin/env bash\n{notes}{script}\n")
    path.chmod(0o755)


def shell(tmp_path: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the stand-ins in front of everything else."""
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path), **extra}
    return subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False)


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().splitlines()


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin", "sleep", "exit 0")
    return tmp_path / "bin"


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


# Slurm.

BEFORE_COMMANDS = (CLUSTER / "slurm.sbatch").read_text().partition("\nset -eu")[0]
SRUN = 'while [[ "$1" == --* ]]; do shift; done; exec "$@"'


@pytest.fixture
def allocation(stand_ins: Path, tmp_path: Path) -> dict[str, str]:
    """A checkout in `tmp_path` with stand-ins for Slurm, Ray and sweeper, and Slurm's variables for three nodes."""
    (tmp_path / "cluster").mkdir()
    shutil.copy(CLUSTER / "node.sh", tmp_path / "cluster")
    program(stand_ins, "srun", SRUN)
    program(stand_ins, "scontrol", '[ "$1" != show ] || printf "n1\\nn2\\nn3\\n"')
    both = f'[ "$1" != status ] || [ "$(grep -c "^ray start" {shlex.quote(str(tmp_path / "calls"))})" = 2 ]'
    program(stand_ins, "ray", f'if [ "$1" = start ]; then exec tail -f /dev/null; fi; {both}')  # the driver comes last
    return {
        "SLURM_JOB_ID": "4711",
        "SLURM_JOB_NODELIST": "n[1-3]",
        "SLURM_JOB_NUM_NODES": "3",
        "SLURM_CPUS_PER_TASK": "8",
    }


def batch(tmp_path: Path, allocation: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return shell(tmp_path, "bash", str(CLUSTER / "slurm.sbatch"), "space.yaml", "--set", "seed=1", **allocation)


def test_slurm_sees_all_that_it_is_asked_for() -> None:
    """It reads no line after the first command."""
    asked = re.findall(r"^#SBATCH --([\w-]+)", (CLUSTER / "slurm.sbatch").read_text(), flags=re.MULTILINE)
    assert asked == re.findall(r"^#SBATCH --([\w-]+)", BEFORE_COMMANDS, flags=re.MULTILINE)
    assert {"nodes", "requeue", "no-kill", "signal", "time"} <= set(asked)
    assert all(line.startswith("#") for line in BEFORE_COMMANDS.splitlines())


def test_a_slurm_job_is_a_head_workers_that_join_it_and_the_driver(
    stand_ins: Path, tmp_path: Path, allocation: dict[str, str]
) -> None:
    says = '"$RAY_ADDRESS" "$RAY_AUTH_MODE" "$RAY_AUTH_TOKEN_PATH"'
    program(stand_ins, "sweeper", f'printf "%s\\n" {says} > told; stat -c %a "$RAY_AUTH_TOKEN_PATH" >> told; exit 7')
    done = batch(tmp_path, allocation)
    assert done.returncode == 7, done.stderr  # the driver's
    sruns = [call for call in calls(tmp_path) if call.startswith("srun")]
    (head,) = (call for call in sruns if "--head" in call)
    (workers,) = (call for call in sruns if "--address=n1:24711" in call and "node.sh" in call)
    assert "--nodelist=n1" in head
    assert "--port=24711" in head
    assert {"--nodes=2", "--exclude=n1", "--no-kill"} <= set(workers.split())
    assert "--num-cpus=8" in head
    assert "--num-cpus=8" in workers
    (driver,) = (call for call in calls(tmp_path) if call.startswith("sweeper"))
    kept = f"--sweeps {tmp_path}/sweeps --set storage={tmp_path}/sweeps/.checkpoints"
    assert driver == f"sweeper run space.yaml --set seed=1 {kept}"
    address, mode, token, rights = (tmp_path / "told").read_text().splitlines()
    assert (address, mode, rights) == ("n1:24711", "token", "600")
    assert not Path(token).exists()  # it goes with the job


def test_a_slurm_job_whose_time_is_nearly_over_ends_its_nodes_and_is_queued_again(
    stand_ins: Path, tmp_path: Path, allocation: dict[str, str]
) -> None:
    program(stand_ins, "sweeper", 'kill -USR1 "$PPID"; exec tail -f /dev/null')
    done = batch(tmp_path, allocation)
    assert done.returncode == 0, done.stderr
    assert calls(tmp_path)[-1] == "scontrol requeue 4711"


def test_a_slurm_job_without_a_file_says_so(tmp_path: Path, stand_ins: Path) -> None:
    done = shell(tmp_path, "bash", str(CLUSTER / "slurm.sbatch"))
    assert done.returncode != 0
    assert "a search space file" in done.stderr


# AWS.


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


# Kubernetes.

# The fields of ray.io/v1 that these files use, as KubeRay's schema has them, 1.5.1 and 1.7.0 alike: a type, a set of
# words, or the fields below; "!" marks those without which the schema refuses the object. What is not here is unknown.
QUANTITIES = {"cpu": str, "memory": str, "nvidia.com/gpu": str}
CONTAINER = {
    "name!": str,
    "image": str,
    "env": [{"name!": str, "value": str}],
    "ports": [{"name": str, "containerPort!": int}],
    "resources": {"requests": QUANTITIES, "limits": QUANTITIES},
    "volumeMounts": [{"name!": str, "mountPath!": str}],
}
POD = {
    "restartPolicy": {"Always", "OnFailure", "Never"},
    "containers!": [CONTAINER],
    "volumes": [{"name!": str, "persistentVolumeClaim": {"claimName!": str}, "configMap": {"name": str}}],
}
GROUP = {"rayStartParams!": {"num-cpus": str}, "template!": {"spec": POD}}
CLUSTER_SPEC = {
    "rayVersion": str,
    "authOptions": {"mode": {"token", "disabled"}},
    "headGroupSpec!": {"serviceType": {"ClusterIP", "NodePort", "LoadBalancer"}, **GROUP},
    "workerGroupSpecs": [
        {"groupName!": str, "replicas": int, "minReplicas!": int, "maxReplicas!": int, "rayStartParams": {}, **GROUP}
    ],
}
KINDS: dict[str, Any] = {
    "RayCluster": CLUSTER_SPEC,
    "RayJob": {
        "entrypoint": str,
        "backoffLimit": int,
        "submitterConfig": {"backoffLimit": int},
        "shutdownAfterJobFinishes": bool,
        "ttlSecondsAfterFinished": int,
        "rayClusterSpec": CLUSTER_SPEC,
    },
}


def mistakes(value: Any, shape: Any, place: str = "spec") -> Iterator[str]:
    """Yield the places at which a value does not have its shape."""
    if isinstance(shape, type):
        if type(value) is not shape:
            yield f"{place}: {value!r} is no {shape.__name__}"
    elif isinstance(shape, set):
        if value not in shape:
            yield f"{place}: {value!r} is none of {sorted(shape)}"
    elif isinstance(shape, list):
        for number, one in enumerate(value):
            yield from mistakes(one, shape[0], f"{place}[{number}]")
    else:
        known = {name.rstrip("!"): inner for name, inner in shape.items()}
        yield from (f"{place}: no {name[:-1]}" for name in shape if name.endswith("!") and name[:-1] not in value)
        for name, one in value.items():
            if name in known:
                yield from mistakes(one, known[name], f"{place}.{name}")
            else:
                yield f"{place}.{name}: unknown"


def cluster_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifest["spec"]
    return spec["rayClusterSpec"] if manifest["kind"] == "RayJob" else spec


def pods(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    spec = cluster_of(manifest)
    return [group["template"]["spec"] for group in [spec["headGroupSpec"], *spec["workerGroupSpecs"]]]


both = pytest.mark.parametrize("manifest", [RAYCLUSTER, RAYJOB], ids=lambda manifest: str(manifest["kind"]))


@both
def test_kuberay_knows_every_field(manifest: dict[str, Any]) -> None:
    assert manifest["apiVersion"] == "ray.io/v1"
    assert list(mistakes(manifest["spec"], KINDS[manifest["kind"]])) == []


def test_a_field_that_kuberay_does_not_know_or_misses_is_noticed() -> None:
    spec = json.loads(json.dumps(RAYCLUSTER["spec"]))
    spec["authOptions"]["mode"] = "tokens"
    del spec["workerGroupSpecs"][0]["minReplicas"]
    spec["headGroupSpec"]["restarts"] = 3
    found = list(mistakes(spec, CLUSTER_SPEC))
    assert [mistake.partition(":")[0] for mistake in found] == [
        "spec.authOptions.mode", "spec.headGroupSpec.restarts", "spec.workerGroupSpecs[0]",
    ]  # fmt: skip


@both
def test_pods_talk_to_nobody_without_a_token_and_join_again_when_they_end(manifest: dict[str, Any]) -> None:
    assert cluster_of(manifest)["authOptions"] == {"mode": "token"}
    assert cluster_of(manifest)["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert {pod["restartPolicy"] for pod in pods(manifest)} == {"Always"}


@both
def test_every_pod_has_the_shared_volume_and_the_same_image(manifest: dict[str, Any]) -> None:
    assert VOLUME["spec"]["accessModes"] == ["ReadWriteMany"]
    for pod in pods(manifest):
        (container,) = pod["containers"]
        assert {"name": "sweeps", "mountPath": "/sweeps"} in container["volumeMounts"]
        claims = {one["name"]: one.get("persistentVolumeClaim") for one in pod["volumes"]}
        assert claims["sweeps"] == {"claimName": VOLUME["metadata"]["name"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == set(claims)
    assert len({pod["containers"][0]["image"] for pod in pods(manifest)}) == 1


@both
def test_the_head_drives_and_the_gpus_are_with_the_workers(manifest: dict[str, Any]) -> None:
    spec = cluster_of(manifest)
    assert spec["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}
    head, *workers = pods(manifest)
    assert "nvidia.com/gpu" not in head["containers"][0]["resources"]["limits"]
    assert all(int(pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]) >= 1 for pod in workers)


def test_a_rayjob_that_is_run_again_goes_on_from_the_volume() -> None:
    """A retry of KubeRay's is a new cluster and the same command."""
    words = shlex.split(RAYJOB["spec"]["entrypoint"])
    mounted = {mount["mountPath"] for mount in pods(RAYJOB)[0]["containers"][0]["volumeMounts"]}
    assert words[words.index("--sweeps") + 1] == "/sweeps"
    assert "storage=/sweeps/.checkpoints" in words
    assert {"/sweeps", str(Path(words[2]).parent)} <= mounted
    assert RAYJOB["spec"]["backoffLimit"] > 0
    assert "--fresh" not in words
    assert RAYJOB["spec"]["shutdownAfterJobFinishes"] is True


@both
def test_kuberay_is_told_the_version_of_ray_that_the_image_has(manifest: dict[str, Any]) -> None:
    assert f"ray=={cluster_of(manifest)['rayVersion']}" in (ROOT / "constraints.txt").read_text().splitlines()


# The image.


def steps() -> list[tuple[str, str]]:
    """The Dockerfile's instructions: which, and what."""
    text = re.sub(r"^#.*\n", "", (CLUSTER / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def test_the_image_copies_what_is_there_and_installs_the_constrained_versions() -> None:
    for what, rest in steps():
        if what == "COPY":
            assert all((ROOT / source).exists() for source in rest.split()[:-1]), rest
        if what == "RUN" and "pip" in rest:
            assert "--constraint constraints.txt" in rest
    assert next(rest for what, rest in steps() if what == "FROM").startswith("python:3.11-")


def test_the_image_has_rays_job_server() -> None:
    """Without Ray's `default` extra a head takes no jobs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert any(one.name == "ray" and "default" in one.extras for one in map(Requirement, project["dependencies"]))


def test_the_images_health_checks_are_those_of_a_node_by_hand() -> None:
    for file in ("Dockerfile", "node.sh"):
        found = re.findall(r"RAY_health_check_(\w+)=(\w+)", (CLUSTER / file).read_text())
        assert dict(found) == HEALTH


def test_the_image_has_one_tag_wherever_it_is_named_and_it_is_sweepers_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    named = [re.findall(r"sweeper:(\d[\w.]*)", path.read_text()) for path in CLUSTER.rglob("*") if path.is_file()]
    assert {tag for tags in named for tag in tags} == {version}


@pytest.mark.image
@pytest.mark.slow
def test_the_images_pip_steps_make_an_environment_in_which_ray_and_sweeper_run(tmp_path: Path) -> None:
    place, bin_ = tmp_path / "image", tmp_path / "venv" / "bin"
    place.mkdir()
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    environment = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "PYTHONPATH": ""}
    for what, rest in steps():
        *sources, target = rest.split()
        if what == "COPY" and not target.startswith("/"):
            for source in sources:
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, place / (source if target == "./" else target))
        if what == "RUN" and rest.startswith("pip"):
            subprocess.run(["bash", "-c", rest], cwd=place, env=environment, check=True, timeout=1200)
    for line in ("ray --version", "sweeper submit --help", "python -c 'import s3fs, boto3, torch, ray.dashboard.head'"):
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    space = ROOT / "search_spaces" / "quickstart.yaml"
    checked = subprocess.run([bin_ / "sweeper", "check", space], cwd=tmp_path, env=environment, check=False)
    assert checked.returncode == 0
    installed = subprocess.check_output(
        [bin_ / "python", "-c", "import sweeper; print(sweeper.__file__)"], cwd=tmp_path, text=True
    )
    assert installed.startswith(str(tmp_path))  # the installed one, with its data


# The README.


def test_links_lead_somewhere_and_no_file_is_left_out() -> None:
    linked = set(re.findall(r"\]\(([^)#]+)\)", README))
    for target in linked:
        assert (CLUSTER / target).exists(), target
    files = {path.name for path in CLUSTER.iterdir()} - {"README.md"}
    assert files - {name for name in files if name in linked or f"cluster/{name}" in README} == set()


def test_files_that_the_readme_names_exist() -> None:
    for path in re.findall(r"\b(?:cluster|search_spaces|tests)/[\w/.-]+\w", README):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("file", ["aws.yaml", "kuberay/volume.yaml", "kuberay/raycluster.yaml", "kuberay/rayjob.yaml"])
def test_what_a_user_must_fill_in_is_marked(file: str) -> None:
    """Made-up names are recognised by their form; each is on a line that says so."""
    for line in (CLUSTER / file).read_text().splitlines():
        made_up = re.search(r"0123456789abcdef0|123456789012|registry\.example|//mlflow|: shared\b|region: ", line)
        assert not made_up or "# yours" in line, line
