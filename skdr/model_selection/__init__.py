"""Comparing strategies on a user's own images."""

from skdr.model_selection._compare import compare_strategies
from skdr.model_selection._comparison import StrategyComparison
from skdr.model_selection._plot import StrategyComparisonDisplay
from skdr.model_selection._strategies import make_strategies

__all__ = [
    "StrategyComparison",
    "StrategyComparisonDisplay",
    "compare_strategies",
    "make_strategies",
]
