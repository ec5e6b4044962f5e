"""Epochs that a search needs to find a good setting: recorded curves of real trials, and searches replayed on them."""
