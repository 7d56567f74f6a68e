"""A fit that fails leaves the estimator as it was."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

Fit = TypeVar("Fit", bound=Callable[..., Any])


def atomic(fit: Fit) -> Fit:
    """Let `fit` set all attributes of an estimator, or none where it fails or is interrupted.

    Attributes that are half of the old fit and half of the new one would give
    new labels to what the old network says. What attributes hold is not copied:
    `fit` has to replace it, not to change it.

    Parameters
    ----------
    fit : callable
        A method that sets attributes of its object.

    Returns
    -------
    fit : callable
        Of the same signature.
    """

    @functools.wraps(fit)
    def all_or_nothing(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = vars(self).copy()
        try:
            return fit(self, *args, **kwargs)
        except BaseException:  # Ctrl-C too
            vars(self).clear()
            vars(self).update(before)
            raise

    return all_or_nothing  # type: ignore[return-value]
