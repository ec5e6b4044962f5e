"""The peak memory of an arm, as a part of its measurements."""

from pathlib import Path

PEAK_MEMORY = "GiB at most"


def peak_memory() -> dict[str, float]:
    """Return the largest resident memory that this process has had so far.

    `ru_maxrss` of getrusage would begin with that of the process that started this one.
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    kibibytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return {PEAK_MEMORY: kibibytes / 2**20}
