"""Benchmark: the hyperparameters that each loss is sensitive to, from recorded trainings of many settings."""
