"""One command for each claim about speed, robustness or accuracy, compared with what a user would run instead.

Benchmarks import only sweeper: nothing from tests/.
"""
