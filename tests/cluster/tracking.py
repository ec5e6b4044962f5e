"""An MLflow server with PostgreSQL on a host of its own; with SQLite and a printed note if there is no PostgreSQL."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.cluster.hosts import Cluster, until
from tests.support.ports import free_port


class Tracking:
    """The server and its database. Its files survive when both are killed."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.place = cluster, cluster.root / "tracking"
        self.port, self.database_port = free_port(), free_port()
        self.uri = f"http://{cluster.address('tracking')}:{self.port}"
        self.programs = _postgres()
        self.store = f"sqlite:///{self.place / 'mlflow.db'}"
        if self.programs:
            self.store = f"postgresql+psycopg2://postgres@127.0.0.1:{self.database_port}/postgres"
            self._initialise(self.programs)
        else:
            print("MLflow uses SQLite: PostgreSQL is not installed (apt-get install postgresql)")

    def start(self) -> None:
        """Start both and wait until MLflow answers."""
        if self.programs:
            self._run(*self._as_postgres("postgres", "-p", str(self.database_port), "-k", ""))
            ready = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.database_port)]
            until(lambda: self._run(*map(str, ready)).wait() == 0, 60, "PostgreSQL does not answer")
        server = ["server", "--host", self.cluster.address("tracking"), "--port", str(self.port), "--workers", "1"]
        server += ["--backend-store-uri", self.store, "--artifacts-destination", str(self.place / "artifacts")]
        self._run(sys.executable, "-m", "mlflow", *server)
        until(lambda: self.cluster.ask(f"{self.uri}/health"), 90, "MLflow does not answer")

    def kill(self) -> None:
        """Kill both, as a power cut does."""
        self.cluster.kill("tracking")

    def _initialise(self, programs: Path) -> None:
        database = self.place / "database"
        database.mkdir()
        if os.geteuid() == 0:
            shutil.chown(database, "postgres", "postgres")
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8"]
        assert self._run(*self._as_postgres("initdb", *options)).wait() == 0

    def _as_postgres(self, program: str, *arguments: str) -> list[str]:
        """Return a PostgreSQL command. It runs as the user postgres, because PostgreSQL refuses to run as root."""
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        return [*user, f"{self.programs}/{program}", "-D", str(self.place / "database"), *arguments]

    def _run(self, *command: str) -> "subprocess.Popen[str]":
        with (self.cluster.root / "tracking.log").open("a") as log:
            known = {"PYTHONPATH": str(self.cluster.packages)}
            return self.cluster.run("tracking", command, known, cwd=self.place, stdout=log, stderr=log)


def _postgres() -> Path | None:
    """Return the folder of PostgreSQL's programs, of the newest version that Debian has installed, or None."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return programs[-1].parent if programs else None
