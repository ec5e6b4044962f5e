"""The report of a sweep: one page of HTML, put together by pure functions of the record, the results and the answers.

figures.py says what is in each picture as plain values; plots/plots.py draws them, and is the only one to know how.
"""
