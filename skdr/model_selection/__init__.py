"""Honest splits, and comparing strategies on a user's own images."""

from skdr.model_selection._check_split import check_split
from skdr.model_selection._split import BalancedGroupSplit, balanced_train_test_split
from skdr.model_selection._strategies import make_strategies

__all__ = [
    "BalancedGroupSplit",
    "balanced_train_test_split",
    "check_split",
    "make_strategies",
]
