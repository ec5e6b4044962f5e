"""plotly: the pictures of a report, each a function of plain values. What is in them is in report/figures.py."""
