"""MLflow, which shows the record.

Everything in MLflow is derived from the record and can be rebuilt from it. Finished sweeps are read back from here for
the published table.

May import `protocol` and the packages below it. Home of mlflow and matplotlib.
"""

from sweeper.tracking import mlflow_environment as mlflow_environment  # before mlflow, which reads it
