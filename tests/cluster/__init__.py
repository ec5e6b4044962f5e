"""Sweeps on a Ray cluster of several hosts, whose nodes are killed, cut off and started again."""
