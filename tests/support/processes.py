"""Living processes of a session, found in /proc."""

from pathlib import Path


def session_processes(session: int) -> dict[int, str]:
    """Return the command line of each living process of a session, by process number."""
    processes = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, own_session, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(own_session) == session and state != "Z":
                processes[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace")
        except (OSError, ValueError):  # it ended meanwhile
            continue
    return processes
