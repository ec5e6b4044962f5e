"""The method, as pure functions of the record: search, confirm, test once; ranking, statistics and results.

May import storage, search_space, trials, training, data, and the modules errors, wording and atomic_write.
Home of scipy (statistics.py).
"""
