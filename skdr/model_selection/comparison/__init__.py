"""Strategies on the same folds: run them, keep their predictions, and say what these show."""

from skdr.model_selection.comparison._compare import compare_strategies
from skdr.model_selection.comparison._comparison import StrategyComparison
from skdr.model_selection.comparison._plot import StrategyComparisonDisplay

__all__ = ["StrategyComparison", "StrategyComparisonDisplay", "compare_strategies"]
