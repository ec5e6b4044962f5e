"""The published table: from finished sweeps to Markdown, LaTeX, HTML, Typst, CSV and JSON. All functions are pure.

`table` may import `protocol` and the packages below it. `formats/` and `metrics.py` are registries: to add a table
format or a metric, add an entry there.
"""
