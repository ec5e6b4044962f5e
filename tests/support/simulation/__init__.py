"""A simulated sweep: the real protocol and record, with workers, disk and MLflow that fail on command."""
