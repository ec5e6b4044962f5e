"""Optuna: the memory of a sweep. What was proposed, reported, decided and looked at, in one journal that survives."""
