"""Kill the drivers of small sweeps again and again, and count what is lost, repeated or doubled: sweeper and Ray Tune.

python -m benchmarks.endurance [--kills 200] [--seed 0] [--out result.json]
"""
