"""The peak memory of an arm, as a part of its measurements."""

import resource

PEAK_MEMORY = "GiB at most"


def peak_memory() -> dict[str, float]:
    """Return the largest resident memory that this process has had so far."""
    return {PEAK_MEMORY: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}
