"""MLflow: the window. A projection of the record, off the training path, and what is read back from it."""
