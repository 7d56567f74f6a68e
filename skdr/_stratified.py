"""Folds that keep the natural shares of the classes."""

from typing import Any

from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold


def stratified_folds(
    n_splits: int, groups: Any, *, shuffle: bool = True, random_state: int | None = None
) -> StratifiedKFold | StratifiedGroupKFold:
    """Return a splitter that keeps groups, such as patients, together where there are any.

    Parameters
    ----------
    n_splits : int
    groups : array-like of shape (n_samples,) or None
        Only whether it is None matters here.
    shuffle : bool, default=True
    random_state : int or None, default=None

    Returns
    -------
    splitter : StratifiedKFold or StratifiedGroupKFold
    """
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    return kind(n_splits, shuffle=shuffle, random_state=random_state)
