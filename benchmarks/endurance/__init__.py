"""Sweeps whose driver is killed again and again: what is lost, repeated, doubled; sweeper beside Ray Tune.

python -m benchmarks.endurance [--kills 200] [--seed 0] [--out result.json]
"""
