"""Mends the addresses of files in an MLflow database that was moved or copied together with them.

MLflow keeps the absolute address of every run's files, and has no call that changes it. The tables and columns are
those of MLflow 3.17.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
_SWEEPERS_EXPERIMENTS = """
SELECT DISTINCT artifact_location FROM experiments AS e
WHERE artifact_location LIKE 'file:%' AND artifact_location != :place AND EXISTS (
    SELECT 1 FROM runs JOIN tags USING (run_uuid) WHERE runs.experiment_id = e.experiment_id AND key = 'sweeper.sweep'
)
"""


def mend_addresses(database: Path, files: Path) -> bool:
    """Let the experiments of sweeps keep their files in `files`, and let their runs find them.

    Return True if something had to be changed. Experiments that sweeper did not create stay as they are. Raises
    sqlite3.Error if the database cannot be read or written.
    """
    place = files.as_uri()
    with closing(sqlite3.connect(database)) as connection, connection:
        old_places = [old for (old,) in connection.execute(_SWEEPERS_EXPERIMENTS, {"place": place})]
        for old in old_places:
            for table, column in _ADDRESSES:
                connection.execute(
                    f"UPDATE {table} SET {column} = :place || substr({column}, :length + 1) "
                    f"WHERE {column} = :old OR substr({column}, 1, :length + 1) = :old || '/'",
                    {"place": place, "old": old, "length": len(old)},
                )
    return bool(old_places)
