"""Addresses of Ray job servers: reading one, and explaining why it does not answer."""

import ipaddress
import socket
from urllib.parse import urlsplit

from sweeper.errors import UsageError

PORT_HINT = "the dashboard's port is 8265 unless `ray start --dashboard-port` changed it"
ANSWER_TIMEOUT = 10.0  # seconds that a server has for its first answer

_GRPC_PORTS = {6379: "the GCS's (6379)", 10001: "the client's (10001)"}


def parse_address(address: str) -> str:
    """Return the URL of the dashboard that `address` names. Raises UsageError if it names none."""
    url = address if "://" in address else f"http://{address}"
    if url.lower().startswith("ray://"):
        raise UsageError(f"{address}: is the port of Ray's client; name the dashboard instead: http://HEAD:8265")
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:  # the port is no number or too large, or a bracket is missing
        is_valid = False
    if not is_valid:
        raise UsageError(f"{address}: is not the address of a cluster; name its dashboard: http://HEAD:8265")
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Return True if a URL leads to this machine only."""
    host = urlsplit(url).hostname or ""
    try:
        addresses = {address_info[4][0] for address_info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(str(address).partition("%")[0]).is_loopback for address in addresses)


def explain_no_answer(url: str, error: Exception) -> str:
    """Return why `url` gave no HTTP answer: nothing listens there, or something that does not speak HTTP.

    Ray's other ports speak gRPC. `error` is what the HTTP client raised.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=ANSWER_TIMEOUT):
            pass
    except OSError as connection_error:
        return f"nothing answers there ({innermost_cause(connection_error)}); is the cluster up? {PORT_HINT}"
    if "BadStatusLine" not in repr(error):
        return f"something listens there but gives no answer ({innermost_cause(error)}); {PORT_HINT}"
    owner = _GRPC_PORTS.get(port, " or ".join(_GRPC_PORTS.values()))
    return f"this is a port where Ray speaks gRPC, {owner}; {PORT_HINT}"


def innermost_cause(error: BaseException) -> str:
    """Return the innermost reason of an error in a few words."""
    while not getattr(error, "strerror", None) and (inner := error.__cause__ or error.__context__):
        error = inner
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split()).rpartition(": ")[2].strip("'\")(")[:120]
