"""A fit that fails leaves the estimator as it was."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

Fit = TypeVar("Fit", bound=Callable[..., Any])


def atomic(fit: Fit) -> Fit:
    """Let `fit` set all attributes of an estimator, or none if it fails or is interrupted.

    With some attributes of the old fit and some of the new one, predictions of
    the old network would get the new labels. The values of attributes are not
    copied: `fit` has to replace them, not to change them in place.

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
