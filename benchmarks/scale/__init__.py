"""Measure how fast a cluster's slots fill and what a trial costs the driver: sweeper beside Ray Tune used by hand."""
