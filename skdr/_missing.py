"""Missing values, of any library."""

from typing import Any

import numpy as np

# pandas and NumPy have types of their own for what is missing.
_TYPES = {"MaskedConstant", "NAType", "NaTType", "NoneType"}
# Such values as text: NumPy and tables write them so.
MISSING_TEXTS = frozenset({"", "nan", "None", "<NA>", "NaT"})


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, NaT or NA; text never is."""
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return type(value).__name__ in _TYPES
