"""The runs of the command that searched, in the record: attributes of the first system's study.

`session:TIME` says when a command began, `session_end:TIME` that it stopped searching then. Both are only ever added.
"""

import optuna

from sweeper.trials.search_session import SearchSession

_BEGIN = "session:"  # before the time at which it was recorded
_END = "session_end:"  # before the time at which the search stopped


def record_session(study: optuna.Study, session: SearchSession) -> None:
    """Record that a command begins to search."""
    study.set_user_attr(f"{_BEGIN}{session.at}", {"began": session.began, "gpu": session.gpu})


def record_session_end(study: optuna.Study, at: int) -> None:
    """Record that the present command has stopped searching."""
    study.set_user_attr(f"{_END}{at}", {})


def stored_sessions(study: optuna.Study) -> list[SearchSession]:
    """Return the sessions of a sweep, oldest first. Of several ends of a session, the last counts."""
    attributes = study.user_attrs
    ends = sorted(int(key.removeprefix(_END)) for key in attributes if key.startswith(_END))
    begins = sorted(int(key.removeprefix(_BEGIN)) for key in attributes if key.startswith(_BEGIN))
    sessions = []
    for at, next_at in zip(begins, [*begins[1:], None], strict=False):
        own_ends = [end for end in ends if end >= at and (next_at is None or end < next_at)]
        ended = own_ends[-1] if own_ends else None
        sessions.append(SearchSession(at=at, ended=ended, **attributes[f"{_BEGIN}{at}"]))
    return sessions
