"""The method, as pure functions of the record: search, confirm, test once; ranking, statistics and results.

Imports storage/, search_space/, trials/, training/ and below. Home of scipy (statistics.py).
"""
