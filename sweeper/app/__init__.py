"""The application: what each command does, without a terminal. The command line and the Python API call it.

Imports everything below: reporting/, terminal/, tracking/, record/, execution/, protocol/ and so on.
"""
