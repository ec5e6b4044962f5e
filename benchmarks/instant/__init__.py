"""Trials that take no time, for sweeper and for Ray Tune, and a clock of the driver that runs them."""
