"""Rows as a pandas DataFrame. Importing pandas takes half a second, so it waits for the first one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeper.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


def data_frame(rows: Sequence[Mapping[str, Any]], columns: Iterable[str]) -> "pd.DataFrame":
    """Return rows as a DataFrame with a column for each key; without rows, with these columns.

    Raises UsageError if pandas cannot be imported.
    """
    try:
        import pandas as pd
    except ImportError:
        raise UsageError("a DataFrame needs the package pandas; pip install pandas") from None
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(columns))
