"""The report of a sweep: one HTML page that needs no network, made by pure functions of the record and the results.

`figure_data.py` has the content of each figure as plain values; `reporting/plots/` draws them. The page is built in one
direction: report data, then figures, then sections, then the page. `html` may import `table/` and the packages below
`reporting`.
"""
