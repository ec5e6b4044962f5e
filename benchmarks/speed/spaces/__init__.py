"""The search spaces of the benchmark."""

from pathlib import Path

INSTANT = Path(__file__).with_name("instant.yaml")
FIRST_STEP = Path(__file__).with_name("first_step.yaml")
