"""Helpers that several test modules share: fakes, simulated sweeps, and checks that read what a sweep leaves behind."""
