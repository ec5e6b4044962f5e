"""The tests. tests/ mirrors sweeper/: the tests of sweeper/record/journal.py are in tests/record/test_journal.py.

end_to_end/ runs whole sweeps, cluster/ runs them on several hosts, docs/ checks the documents, support/ has helpers.
"""
