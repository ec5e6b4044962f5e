"""Turn the results of sweeps into something that people read: the published table, the report page and its plots.

`reporting` may import `protocol` and the packages below it. plotly is imported in `reporting/plots/` only.
"""
