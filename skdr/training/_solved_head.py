"""A head that is a logistic regression is solved, not trained in epochs."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from skdr.networks import set_scores, standardised

# Far more than a penalised regression on standardised features needs.
_MAX_ITERATIONS = 10_000


def solve_head(
    classifier: keras.Model,
    features: NDArray[np.float32],
    y: NDArray[Any],
    weights: NDArray[np.floating],
    C: float,
) -> None:
    """Set the scores of the classes to those of the penalised logistic regression.

    Its loss is convex: L-BFGS finds the lowest, whatever the seed, the batches
    and the learning rate are.

    Parameters
    ----------
    classifier : keras.Model
        With a head of no hidden layers, its features standardised; changed in place.
    features : ndarray of shape (n, n_features)
        What enters the head.
    y : ndarray of shape (n,)
        Class numbers. Each class occurs.
    weights : ndarray of shape (n,)
        Weights in the loss.
    C : float
        As in `LogisticRegression`.
    """
    regression = LogisticRegression(C=C, max_iter=_MAX_ITERATIONS)
    regression.fit(standardised(classifier, features), y, weights)
    coef, intercept = regression.coef_.T, regression.intercept_
    if len(regression.classes_) == 2:  # scikit-learn scores the second class alone
        coef, intercept = np.hstack([-coef, coef]) / 2, np.array([-1, 1]) * intercept / 2
    set_scores(classifier, coef, intercept)
