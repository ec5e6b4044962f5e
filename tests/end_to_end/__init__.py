"""Whole sweeps through the command, some of them interrupted, killed or simulated."""
