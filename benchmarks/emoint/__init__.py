"""Benchmark: why label-aware contrastive loss collapses on EmoInt with the second paper's setting, and what helps."""
