"""Measures the estimate of a sweep's remaining time against the truth, on recorded and simulated sweeps."""
