"""The application: what each command does, without a terminal. The command line and the Python API call it.

May import every package but cli.
"""
