"""The published table: from finished sweeps to Markdown, LaTeX, HTML, Typst, CSV and JSON. All functions are pure.

`table` may import `protocol` and the packages below it. `formats/` is a registry: to add a table format, add a file and
an entry there.
"""
