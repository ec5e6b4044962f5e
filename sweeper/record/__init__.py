"""The record of a sweep: every proposal, report, decision and test access, in one journal file that survives crashes.

May import protocol, storage, search_space, trials, training, data, and the modules errors, wording and atomic_write.
Optuna lives here, and nowhere else.
"""
