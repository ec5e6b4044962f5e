"""The environment variables with which MLflow's client runs, and the place of its log lines.

The package imports this module before mlflow, because MLflow reads some of these variables when it is imported. A
variable that the user has set keeps the user's value.
"""

import logging
import os

_ENVIRONMENT = {
    # Without these two, a request to a server that is away takes minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Otherwise MLflow prints its log lines, and those of its libraries, on the screen.
    "MLFLOW_CONFIGURE_LOGGING": "false",
}
_LOGGERS = ("mlflow", "alembic", "sqlalchemy", "huey")

for _name, _value in _ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
# Without a handler Python prints warnings on the screen. The log, where there is one, gets them all the same.
for _name in _LOGGERS:
    logging.getLogger(_name).addHandler(logging.NullHandler())
