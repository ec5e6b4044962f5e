"""The templates of pages and tables, rendered with jinja2, which escapes every value.

The stylesheet and the scripts lie beside them. `environment.py` is the one place that imports jinja2.
"""
