"""Looking inside: what a classifier looks at, where it errs, how it learned."""

from skdr.inspection._grad_cam import GradCAMDisplay, grad_cam
from skdr.inspection._history import LearningHistoryDisplay
from skdr.inspection._mistakes import MistakesDisplay

__all__ = ["GradCAMDisplay", "LearningHistoryDisplay", "MistakesDisplay", "grad_cam"]
