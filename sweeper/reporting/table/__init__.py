"""The table that is published, from finished sweeps to Markdown, LaTeX, HTML, CSV and JSON: pure functions."""
