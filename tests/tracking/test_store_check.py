"""A store is looked at before it is used: mistakes are errors with a remedy, outages are told apart from them."""

import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy

from sweeper.errors import UsageError
from sweeper.tracking.data_identity import DataIdentity
from sweeper.tracking.store_address import check_address
from tests.support.fake_mlflow_stores import create_empty_store

NOTHING = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("mlruns", "is a folder, and MLflow 3.13 and later keeps no runs in folders"),
        ("./mlruns", "sqlite:////FOLDER/mlflow.db"),
        ("file:///tmp/mlruns", "is a folder"),
        ("C:\\mlruns", "is a folder"),
        ("mlflow.db", "has no scheme; write sqlite:///mlflow.db"),
        ("localhost:5000", "has no scheme; write http://localhost:5000"),
        ("10.0.0.1:5000/mlflow", "has no scheme; write http://10.0.0.1:5000/mlflow"),
        ("http//host:5000", "write http://host:5000"),
        ("https:/host", "write https://host"),
        ("http:///host", "write http://host"),
        ("http://", "write it as in http://HOST:5000"),
        ("http://host:port", "write it as in http://HOST:5000"),
        ("http://[::1", "write it as in http://HOST:5000"),
        ("http://host:5000/#/experiments/1", "is the address of a page; write http://host:5000"),
        (" http://host:5000", "has spaces around it"),
        ("htpp://host", "htpp is no kind of store that MLflow knows; allowed: http, https"),
        ("sqllite:///a.db", "did you mean sqlite?"),
        ("sqlite://a.db", "sqlite:///a.db"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://host:abc/db", "write it as in postgresql://USER:PASSWORD@HOST:5432/NAME"),
        ("postgresql+psycopg2://host:99999/db", "write it as in postgresql+psycopg2://USER:PASSWORD@HOST:5432/NAME"),
        ("mysql://host:0/db", "write it as in mysql://USER:PASSWORD@HOST:3306/NAME"),
        ("mssql://[::1/db", "write it as in mssql://USER:PASSWORD@HOST:1433/NAME"),
    ],
)
def test_a_mistake_in_an_address_is_one_line(uri: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UsageError) as error:
        check_address(uri)
    line = str(error.value)
    assert line.startswith(f"MLFLOW_TRACKING_URI={uri}: ")
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "uri",
    [
        "http://me:secret@host:5000/prefix/",
        "sqlite:///a.db",
        "postgresql+psycopg2://h/x",
        "postgresql:///x?host=/run/postgresql",
        "mysql+pymysql://me:p%2Fw@h:3307/x",
    ],
)
def test_a_possible_address_is_left_to_the_store(uri: str) -> None:
    check_address(uri)


def test_a_folder_is_accepted_where_mlflow_was_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    check_address("./mlruns")


class _Answer(BaseHTTPRequestHandler):
    """Answers every request with the status and the kind of content that the path names: /401/json/…"""

    contents = {"html": b"<html>hello</html>", "json": b'{"detail": "no"}', "text": b"Invalid Host header"}  # noqa: RUF012

    def do_GET(self) -> None:
        _, status, kind, *_ = self.path.split("/")
        self.send_response(int(status))
        self.send_header("Content-Length", str(len(self.contents[kind])))
        self.end_headers()
        self.wfile.write(self.contents[kind])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Give the address of a server that is not MLflow."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.mlflow
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("200/html", "something answers there that is no MLflow server"),
        ("200/json", "something answers there that is no MLflow server"),
        ("404/html", "no MLflow server (it answers 404)"),
        ("404/json", "no MLflow server (it answers 404)"),
        ("401/json", "it answers 401; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        ("403/text", "it answers 403 (Invalid Host header); set MLFLOW_TRACKING_USERNAME"),
    ],
)
def test_a_server_that_will_never_do_is_an_error(server: str, answer: str, said: str) -> None:
    from sweeper.tracking.store_check import check_store

    with pytest.raises(UsageError) as error:
        check_store(f"{server}/{answer}", [DataIdentity("toy")])
    assert said in str(error.value)


@pytest.mark.mlflow
@pytest.mark.parametrize(("answer", "said"), [("500/json", "answers 500"), ("503/html", "answers 503")])
def test_errors_of_a_server_are_an_outage(server: str, answer: str, said: str) -> None:
    from sweeper.tracking.store_check import check_store

    assert check_store(f"{server}/{answer}", [DataIdentity("toy")]) == said


@pytest.mark.mlflow
def test_a_refused_connection_is_an_outage() -> None:
    from sweeper.tracking.store_check import check_store

    assert check_store(NOTHING) == "Connection refused"
    assert check_store("postgresql://me:secret@127.0.0.1:9/runs") == "Connection refused"


@pytest.mark.mlflow
@pytest.mark.parametrize("uri", ["http://tracking.lan:5000", "postgresql://me:secret@tracking.lan/runs"])
def test_an_unknown_host_is_a_mistake_and_no_answer_about_it_an_outage(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweeper.tracking.store_check import check_store

    def fail(number: int, said: str) -> None:
        def resolve(*_: object, **__: object) -> None:
            raise socket.gaierror(number, said)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)

    fail(socket.EAI_NONAME, "Name or service not known")
    with pytest.raises(UsageError, match=r"the host tracking\.lan is not known") as error:
        check_store(uri)
    assert "secret" not in str(error.value)
    fail(socket.EAI_AGAIN, "Temporary failure in name resolution")
    assert check_store(uri) == "Temporary failure in name resolution"


@pytest.mark.mlflow
def test_files_that_are_no_store_are_errors(tmp_path: Path) -> None:
    from sweeper.tracking.store_check import check_store

    text, other = tmp_path / "text.db", tmp_path / "other.db"
    text.write_text("no database, but a text that is long enough to be read as one" * 10)
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE mine (x)")
    database.close()
    for path, said in (
        (text, "is no database of MLflow's"),
        (other, "is a database, but not one of MLflow's"),
        (tmp_path, "is a folder; name a file in it"),
        (text / "mlflow.db", "cannot be written"),
        (Path("/proc/nothing/mlflow.db"), "cannot be written"),
    ):
        with pytest.raises(UsageError, match=said):
            check_store(f"sqlite:///{path}")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Give the content of a database of MLflow's."""
    return create_empty_store(tmp_path_factory.mktemp("store")).read_bytes()


def _run_sql(statement: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with sqlite3.connect(path) as database:
            database.executescript(statement)
        database.close()

    return change


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def _overwrite_header(path: Path) -> None:
    path.write_bytes(b"a text that" + path.read_bytes()[11:])


_AWAY = "move that file away; sweeper sync SWEEP sends the runs to a new one"
_UPGRADE = "copy it, then bring it to this version: mlflow db upgrade sqlite:///"


@pytest.mark.mlflow
@pytest.mark.parametrize(
    ("damage", "said", "remedy"),
    [
        (_cut, "is no database of MLflow's (database disk image is malformed)", _AWAY),
        (_overwrite_header, "is no database of MLflow's (file is not a database)", _AWAY),
        (_run_sql("UPDATE alembic_version SET version_num = 'bda7b8c39065'"), "another version than mlflow", _UPGRADE),
        (_run_sql("UPDATE alembic_version SET version_num = 'f00000000000'"), "another version than mlflow", _UPGRADE),
        (_run_sql("DELETE FROM alembic_version"), "another version than mlflow", _UPGRADE),
        (_run_sql("ALTER TABLE experiments RENAME COLUMN name TO title"), "no such column", _AWAY),
        (_run_sql("ALTER TABLE runs RENAME COLUMN status TO state"), "no such column", _AWAY),
        (_run_sql("DROP TABLE runs"), "mlflow.db lacks the table runs", _AWAY),
        (_run_sql("DROP TABLE tags; DROP TABLE metrics"), "mlflow.db lacks the tables metrics, tags", _AWAY),
    ],
    ids=["cut", "header", "older", "newer", "unknown", "column", "column of runs", "table", "tables"],
)
def test_a_damaged_or_foreign_database_is_one_line_with_the_way_out(
    store: bytes, damage: Callable[[Path], None], said: str, remedy: str, tmp_path: Path
) -> None:
    from sweeper.tracking.store_check import check_store

    path = tmp_path / "mlflow.db"
    path.write_bytes(store)
    damage(path)
    with pytest.raises(UsageError) as error:
        check_store(f"sqlite:///{path}")
    line = str(error.value)
    assert line.startswith(f"MLflow at sqlite:///{path}: ")
    assert said in line
    assert remedy in line
    assert "\n" not in line


@pytest.mark.mlflow
@pytest.mark.parametrize("folder", ["100%", "runs #2", "ü b"])
def test_a_database_is_checked_in_a_folder_of_any_name(store: bytes, folder: str, tmp_path: Path) -> None:
    from sweeper.tracking.client import open_store
    from sweeper.tracking.store_check import check_store

    path = tmp_path / folder / "mlflow.db"
    path.parent.mkdir()
    path.write_bytes(store)
    uri = f"sqlite:///{path}"
    assert check_store(uri) == ""
    run = open_store(uri).create_run("0").info.run_id
    _run_sql("UPDATE runs SET status = NULL")(path)
    with pytest.raises(UsageError, match=f"run {run} has no status"):
        check_store(uri)
    _run_sql("DROP TABLE tags")(path)
    with pytest.raises(UsageError, match="lacks the table tags"):
        check_store(uri)
    assert [file.name for file in tmp_path.iterdir()] == [folder]


@pytest.mark.mlflow
def test_a_locked_database_is_an_outage(store: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sweeper.tracking import store_check

    monkeypatch.setattr(store_check, "_TIMEOUT", 0.1)
    path = tmp_path / "mlflow.db"
    path.write_bytes(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert store_check.check_store(f"sqlite:///{path}?timeout=0.1", will_write=False) != ""


_KILLED_WRITER = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN")
database.execute("CREATE TABLE half_done (text)")
database.executemany("INSERT INTO half_done VALUES (?)", [("x" * 500,)] * 1000)
os._exit(9)
"""


@pytest.mark.mlflow
def test_a_store_whose_writer_was_killed_is_used_as_it_was_before(tmp_path: Path) -> None:
    from sweeper.tracking.client import open_store
    from sweeper.tracking.store_check import check_store

    path = tmp_path / "mlflow.db"
    uri = f"sqlite:///{path}"
    open_store(uri).create_experiment("toy")
    subprocess.run([sys.executable, "-c", _KILLED_WRITER, path], check=False)
    assert (tmp_path / "mlflow.db-journal").stat().st_size > 0
    assert check_store(uri, [DataIdentity("toy")]) == ""
    assert open_store(uri).get_experiment_by_name("toy").name == "toy"


@pytest.mark.mlflow
def test_a_database_that_was_moved_away_is_noticed_by_open_connections(store: bytes, tmp_path: Path) -> None:
    from sweeper.tracking.client import open_store
    from sweeper.tracking.outage import describe_error

    path = tmp_path / "mlflow.db"
    path.write_bytes(store)
    client = open_store(f"sqlite:///{path}")
    client.create_experiment("before")
    path.rename(tmp_path / "away.db")
    with pytest.raises(Exception, match="was moved away") as error:
        client.create_experiment("meanwhile")
    assert describe_error(error.value) == "the database was moved away"
    assert not path.exists()
    path.write_bytes(store)
    client.create_experiment("after")
    found = [experiment.name for experiment in open_store(f"sqlite:///{path}").search_experiments()]
    assert sorted(found) == ["Default", "after"]


@pytest.mark.mlflow
def test_a_process_makes_a_database_at_one_place_more_than_once(tmp_path: Path) -> None:
    from sweeper.tracking.client import open_store

    uri, path = f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "mlflow.db"
    for name in ("first", "second"):
        open_store(uri).create_experiment(name)
        assert open_store(uri).get_experiment_by_name(name).name == name
        path.rename(tmp_path / f"{name}.db")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["first.db", "mlflow.db.lock", "second.db"]


@pytest.mark.mlflow
def test_only_the_making_of_a_store_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    from sweeper.tracking.client import open_store

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    open_store(uri)
    with sqlalchemy.create_engine(uri).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_nothing_is_created_where_a_store_would_be(tmp_path: Path) -> None:
    from sweeper.tracking.store_check import check_store

    assert check_store(f"sqlite:///{tmp_path / 'new' / 'folder' / 'mlflow.db'}") == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.mlflow
def test_a_deleted_experiment_is_an_error_until_it_is_restored(tmp_path: Path) -> None:
    from sweeper.tracking.client import open_store
    from sweeper.tracking.store_check import check_store

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    other, toy = DataIdentity("other"), DataIdentity("toy")
    client = open_store(uri)
    experiment = client.create_experiment("toy")
    client.delete_experiment(experiment)
    with pytest.raises(UsageError, match=f"mlflow experiments restore --experiment-id {experiment}"):
        check_store(uri, [other, toy])
    assert check_store(uri, [other]) == ""
    client.restore_experiment(experiment)
    assert check_store(uri, [other, toy]) == ""


@pytest.mark.mlflow
def test_of_a_data_set_the_experiment_that_its_rows_use_must_not_be_deleted(tmp_path: Path) -> None:
    from sweeper.tracking.client import ROWS_TAG, open_store
    from sweeper.tracking.store_check import check_store

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = open_store(uri)
    client.delete_experiment(client.create_experiment("toy", tags={ROWS_TAG: "a" * 16}))
    with pytest.raises(UsageError, match="the experiment toy was deleted"):
        check_store(uri, [DataIdentity("toy", "a" * 16)])
    for is_renamed in (False, True):  # other rows, and a name that belongs to the catalog
        assert check_store(uri, [DataIdentity("toy", "b" * 16, is_renamed=is_renamed)]) == ""
    client.delete_experiment(client.create_experiment("toy (bbbbbbbb)", tags={ROWS_TAG: "b" * 16}))
    for is_renamed in (False, True):
        with pytest.raises(UsageError, match=r"the experiment toy \(bbbbbbbb\) was deleted"):
            check_store(uri, [DataIdentity("toy", "b" * 16, is_renamed=is_renamed)])
