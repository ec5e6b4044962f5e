"""Sweeper's side of each row, as functions that run in a process of their own."""
