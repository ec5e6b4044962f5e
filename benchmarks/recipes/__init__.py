"""Benchmark: the effect of fine-tuning recipes on CE, SCL and LCL, by paired trainings of the same seeds."""
