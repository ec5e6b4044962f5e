"""The terminal: what a user watches while a sweep runs, and how trials, scores and times are printed.

Imports protocol/ and below. Home of rich.
"""
