"""Honest splits, thresholds, and comparing strategies on a user's own images."""

from skdr.model_selection._check_split import check_split
from skdr.model_selection._ordinal_threshold import OrdinalThresholdClassifier
from skdr.model_selection._split import BalancedGroupSplit, balanced_train_test_split
from skdr.model_selection._strategies import make_strategies
from skdr.model_selection.advice import (
    StrategyAdvice,
    StrategyAdviceDisplay,
    h_score,
    logme_score,
    recommend_strategy,
)
from skdr.model_selection.comparison._compare import compare_strategies
from skdr.model_selection.comparison._comparison import StrategyComparison
from skdr.model_selection.comparison._plot import StrategyComparisonDisplay

__all__ = [
    "BalancedGroupSplit",
    "OrdinalThresholdClassifier",
    "StrategyAdvice",
    "StrategyAdviceDisplay",
    "StrategyComparison",
    "StrategyComparisonDisplay",
    "balanced_train_test_split",
    "check_split",
    "compare_strategies",
    "h_score",
    "logme_score",
    "make_strategies",
    "recommend_strategy",
]
