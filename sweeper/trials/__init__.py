"""The types that cross packages: Trial, TrialRecord, TrialEnd, Outcome, RunStatus, TrialResources, and the interfaces.

May import training and data, and errors, wording and atomic_write. Uses no outside library.
"""
