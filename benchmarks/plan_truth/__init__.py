"""Measures what `sweeper plan` expects of small real sweeps against what `sweeper run` then uses."""
