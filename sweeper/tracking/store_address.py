"""The address of an MLflow store: mistakes in it that can be told without asking the store."""

import os
import re
from collections.abc import Callable
from importlib.metadata import entry_points
from urllib.parse import urlsplit

from sweeper.errors import UsageError
from sweeper.tracking.outage import redact_uri
from sweeper.wording import allowed_hint

VARIABLE = "MLFLOW_TRACKING_URI"
SERVERS = ("http", "https")
DATABASES = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}  # with the port of each
_UNCHECKED_SCHEMES = ("databricks", "databricks-uc", "uc")  # MLflow itself says what is wrong with these
_SCHEMES = (*SERVERS, "sqlite", *DATABASES, "databricks")
_EXAMPLES = "a server's address, as in http://HOST:5000, or a database, as in sqlite:////FOLDER/mlflow.db"


def place(uri: str) -> str:
    """Return the place to name in a message: the variable that set the address, or the store itself."""
    return f"{VARIABLE}={redact_uri(uri)}" if os.environ.get(VARIABLE) == uri else f"MLflow at {redact_uri(uri)}"


def remedy() -> str:
    """Return the way out that always works: the database beside the sweeps."""
    return f"correct it, or unset {VARIABLE} to keep the runs beside the sweeps"


def file_remedy(uri: str) -> str:
    """Return the way out where a database file is damaged or another program's: the records can fill a new one."""
    if os.environ.get(VARIABLE) == uri:
        return remedy()
    return "move that file away; sweeper sync SWEEP sends the runs to a new one"


def write_remedy(uri: str) -> str:
    """Return the way out where a database cannot be written."""
    if os.environ.get(VARIABLE) == uri:
        return remedy()
    return f"make it writable, or set {VARIABLE} to another store"


def check_address(uri: str) -> None:
    """Raise UsageError if `uri` cannot be the address of a store, with the rule and the remedy in one line."""
    mistake = _find_mistake(uri)
    if mistake:
        raise UsageError(f"{place(uri)}: {mistake}")


def _find_mistake(uri: str) -> str:
    """Return the rule that an address breaks, with the remedy; "" if it breaks none."""
    scheme = uri.partition(":")[0].partition("+")[0].lower()
    if uri != uri.strip() or "\n" in uri:
        return "has spaces around it; leave them out"
    if server := _misspelt_server(uri):
        return f"is no address of a server; write {server}"
    if re.fullmatch(r"[\w.-]+:\d+(/\S*)?", uri):
        return f"has no scheme; write http://{uri}"
    if ":" not in uri and uri.endswith((".db", ".sqlite", ".sqlite3")):
        return f"has no scheme; write sqlite:///{uri}"
    if scheme == "file" or len(scheme) <= 1 or (":" not in uri and uri not in _UNCHECKED_SCHEMES):
        return _folder_mistake()
    if check := _CHECKS.get(scheme):
        return check(uri)
    plugin_schemes = {point.name for point in entry_points(group="mlflow.tracking_store")}
    if scheme in (*_UNCHECKED_SCHEMES, *plugin_schemes):
        return ""
    return f"{scheme} is no kind of store that MLflow knows; {allowed_hint(_SCHEMES, scheme)}; or unset {VARIABLE}"


def _misspelt_server(uri: str) -> str:
    """Return the address that `http//HOST`, `http:HOST` or `http:///HOST` stands for; "" if it is none of these."""
    match = re.fullmatch(r"(https?):?/*([^/:\s]\S*)", uri)
    is_misspelt = match and (":/" + "/" not in uri or uri.partition("://")[2].startswith("/"))
    return f"{match[1]}://{match[2]}" if match and is_misspelt and ("/" in uri or ":" in uri) else ""


def _folder_mistake() -> str:
    """Return why a folder is no store; "" where the user has told MLflow to use folders all the same."""
    if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() in ("true", "1"):
        return ""
    return f"is a folder, and MLflow 3.13 and later keeps no runs in folders; name {_EXAMPLES}, or unset {VARIABLE}"


def _has_valid_port(uri: str) -> bool:
    """Return False if the port is no number from 1 to 65535, or the bracket of a host is not closed."""
    try:
        port = urlsplit(uri).port
    except ValueError:
        return False
    return port is None or port > 0


def _server_mistake(uri: str) -> str:
    if not _has_valid_port(uri) or not urlsplit(uri).hostname or re.search(r"\s", uri):
        return "is no address of a server; write it as in http://HOST:5000"
    parts = urlsplit(uri)
    if parts.fragment or uri.endswith("#") or parts.query:
        return f"is the address of a page; write {redact_uri(re.split('[#?]', uri)[0]).rstrip('/')}"
    return ""


def _database_mistake(uri: str) -> str:
    if _has_valid_port(uri):
        return ""
    scheme = uri.partition(":")[0]
    example = f"{scheme}://USER:PASSWORD@HOST:{DATABASES[scheme.partition('+')[0].lower()]}/NAME"
    return f"is no address of a database; write it as in {example}, with %2F for a / in the password"


def _sqlite_mistake(uri: str) -> str:
    path = uri.partition("sqlite:///")[2].partition("?")[0]
    if not uri.startswith("sqlite:///"):
        path = re.sub(r"^sqlite:/*", "", uri)
        return f"a path follows after three slashes: sqlite:///{path}, or sqlite:////{path} if it begins with a slash"
    if path in ("", ":memory:") or "mode=memory" in uri:
        return "names no file, so nothing would be kept; write sqlite:////FOLDER/mlflow.db"
    return ""


_CHECKS: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(SERVERS, _server_mistake),
    "sqlite": _sqlite_mistake,
    **dict.fromkeys(DATABASES, _database_mistake),
}
