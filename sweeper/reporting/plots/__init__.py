"""The plots of the report page, drawn with plotly. No other package imports plotly.

Each function takes the plain values of one figure (`reporting/html/figure_data.py`) and returns a plotly figure.
`plots` may import `reporting/html/figure_data.py` and the packages below `reporting`.
"""
