"""The search space: from a YAML file to a SweepSpec, with every mistake named by its line.

May import trials, training, data, and the modules errors, wording and atomic_write. PyYAML lives here, in yaml_text.py.
"""
