"""Checks of the services around sweeper: Ray, MLflow, the hub, and ports that are open to others without a token."""

import http.client
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from sweeper.app.check_result import CheckResult, Health, judge
from sweeper.app.mlflow_sync import tracking_uri
from sweeper.data.encoder_catalog import ENCODERS
from sweeper.execution.cluster_address import cluster_address

_TIMEOUT = 5.0  # seconds
_HUB = "https://huggingface.co"
_STATUS = "status"
_RAY_REMEDY = "start the head with RAY_AUTH_MODE=token, or with --dashboard-host=127.0.0.1"
_MLFLOW_REMEDY = "start it with --host 127.0.0.1, or with --app-name basic-auth"

OPEN_PAGES = {  # by port: the owner, a page that only an open server shows, and the remedy
    8265: ("Ray's dashboard", "/api/version", _RAY_REMEDY),
    5000: ("MLflow", "/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default", _MLFLOW_REMEDY),
}


def check_ray(_: Path) -> CheckResult:
    """Check that Ray is there, and that the cluster of RAY_ADDRESS answers."""
    address, fact = cluster_address(), f"ray {version('ray')}"
    if address is None:
        return CheckResult(Health.OK, f"{fact}, on this machine alone")
    fact = f"{fact}, RAY_ADDRESS={address}"
    try:
        parts = urlsplit(address if "://" in address else f"ray://{address}")
        port = parts.port
    except ValueError:  # the port is no number, or too large, or a bracket is missing
        remedy = "name the GCS of a cluster, such as HEAD:6379, or unset RAY_ADDRESS to run on this machine"
        return CheckResult(Health.FAIL, f"{fact}: is not an address", remedy)
    if address == "auto" or port is None:
        return CheckResult(Health.OK, fact)
    answers = _can_connect(parts.hostname or "", port)
    remedy = "start the cluster, or unset RAY_ADDRESS to run on this machine"
    return judge(f"{fact}{'' if answers else ': nothing answers'}", failed=not answers, remedy=remedy)


def check_mlflow_store(sweeps: Path) -> CheckResult:
    """Check that MLflow's store answers. A database that does not exist yet is made by the first sweep."""
    from sweeper.tracking.outage import redact_uri
    from sweeper.tracking.store_check import check_store

    uri = tracking_uri(sweeps)
    outage = check_store(uri, will_write=False)
    fact = f"mlflow {version('mlflow')} at {redact_uri(uri)}{f': {outage}' if outage else ''}"
    remedy = "training starts all the same; sweeper sync sends the runs when it is back"
    return judge(fact, failed=bool(outage), remedy=remedy)


def check_hub(_: Path) -> CheckResult:
    """Check that the Hugging Face hub or its mirror serves a model."""
    endpoint = os.environ.get("HF_ENDPOINT") or _HUB
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return CheckResult(Health.OK, "HF_HUB_OFFLINE is set: only what the cache has")
    model = ENCODERS[-1]  # a mirror has models, but not always a list of all
    reason = _find_outage(f"{endpoint.rstrip('/')}/api/models/{model}/revision/main")
    if reason.startswith(_STATUS):
        fact, mirror = f"{endpoint} answers a request for {model} with {reason}", "a mirror that has it"
    else:
        fact, mirror = f"{endpoint}{f' does not answer: {reason}' if reason else ''}", "a mirror"
    remedy = f"set HF_ENDPOINT to {mirror}; your own files, feelings, rnn and gru need no hub"
    return judge(fact, failed=bool(reason), remedy=remedy, worst=Health.NOTE)


def check_open_ports(_: Path) -> CheckResult:
    """Check that no Ray and no MLflow of this machine serves other machines without authentication."""
    open_ports = list(find_open_ports(own_addresses()))
    if not open_ports:
        return CheckResult(Health.OK, "no Ray and no MLflow here is open to other machines without a token")
    fact = "; ".join(f"{owner} at {place} lets anyone run or read" for owner, place, _ in open_ports)
    return CheckResult(Health.FAIL, fact, "; ".join(dict.fromkeys(remedy for *_, remedy in open_ports)))


def find_open_ports(
    hosts: Sequence[str], pages: dict[int, tuple[str, str, str]] = OPEN_PAGES
) -> Iterator[tuple[str, str, str]]:
    """Yield owner, place and remedy of each server that shows its page at one of these hosts without authentication."""
    for port, (owner, page, remedy) in pages.items():
        for host in hosts:
            if _can_connect(host, port) and not _find_outage(f"http://{host}:{port}{page}"):
                yield owner, f"{host}:{port}", remedy
                break


def own_addresses() -> list[str]:
    """Return the addresses of this machine at which other machines can reach it."""
    addresses = set()
    for family, target in ((socket.AF_INET, "10.254.254.254"), (socket.AF_INET6, "fd00::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:  # sends nothing: it only asks for the route
                probe.connect((target, 9))
                addresses.add(str(probe.getsockname()[0]))
        except OSError:
            continue
    return sorted(address for address in addresses if not address.startswith(("127.", "::1")))


def _can_connect(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT):
            return True
    except OSError:
        return False


def _find_outage(url: str) -> str:
    """Return why a page does not answer with success, "" if it does."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
            return "" if answer.status < 400 else f"{_STATUS} {answer.status}"
    except urllib.error.HTTPError as error:
        return f"{_STATUS} {error.code}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return " ".join(str(reason).split()) or type(error).__name__
    except http.client.HTTPException:
        return "what is there does not speak HTTP"
