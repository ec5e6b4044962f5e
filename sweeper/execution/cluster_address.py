"""The cluster that the user's environment names. This module imports no ray."""

import os


def cluster_address() -> str | None:
    """Return the address of the Ray cluster that RAY_ADDRESS names; None if trials run on this machine alone."""
    address = os.environ.get("RAY_ADDRESS", "")
    return None if address in ("", "local") else address
