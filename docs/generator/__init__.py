"""The generator of the documentation site: the reference, made from the code, and hooks of mkdocs."""
