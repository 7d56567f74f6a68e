"""Which strategy suits the data, from one pass of the images: evidence, decision, reasons."""

from skdr.model_selection.advice._advice import StrategyAdvice
from skdr.model_selection.advice._plot import StrategyAdviceDisplay
from skdr.model_selection.advice._recommend import recommend_strategy
from skdr.model_selection.advice._transferability import h_score, logme_score

__all__ = [
    "StrategyAdvice",
    "StrategyAdviceDisplay",
    "h_score",
    "logme_score",
    "recommend_strategy",
]
