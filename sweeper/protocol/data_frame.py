"""Rows as a pandas DataFrame. Importing pandas takes half a second, so it waits for the first one."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeper.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


def data_frame(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    """Return rows as a DataFrame with a column for each key. Raises UsageError if pandas cannot be imported."""
    try:
        import pandas as pd
    except ImportError:
        raise UsageError("a DataFrame needs the package pandas; pip install pandas") from None
    return pd.DataFrame(rows)
