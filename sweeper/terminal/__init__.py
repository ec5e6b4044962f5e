"""The terminal: what a user watches while a sweep runs, and how trials, scores and times are printed.

May import protocol, storage, search_space, trials, training, data, and the modules errors, wording and atomic_write.
Home of rich.
"""
