"""The scores of the classes, before any softmax: linear in features of a network."""

import copy
import itertools
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC, NuSVC

from skdr.estimators import CNNClassifier, ImageEstimator
from skdr.networks import cut_scores

_CHUNK = 512


class LinearScores(NamedTuple):
    """A network, and the linear scores of classes on its features.

    Attributes
    ----------
    network : keras.Model
        From images to features; a copy that nothing else uses.
    coef : ndarray of shape (n_features, n_classes)
        The scores are ``features @ coef`` plus a constant.
    classes : ndarray of shape (n_classes,)
    """

    network: keras.Model
    coef: NDArray[np.floating]
    classes: NDArray[Any]


def linear_scores(images: ImageEstimator, later_steps: Sequence[Any], X: Any) -> LinearScores:
    """Return the scores of a classifier, or of a linear model on features.

    Parameters
    ----------
    images : CNNClassifier or PretrainedFeatureExtractor
        Fitted.
    later_steps : sequence of estimators
        The steps that follow an extractor: any that are affine, and a linear
        classifier.
    X : array-like
        What enters `images`; the steps are checked to be affine on it.

    Raises
    ------
    TypeError
        If the last step is no linear classifier.
    ValueError
        If a step before it is not affine.
    """
    network = own_network(images)
    if isinstance(images, CNNClassifier):
        return LinearScores(*cut_scores(network), images.classes_)
    *transformers, classifier = later_steps
    coef = class_coef(classifier)
    entering = [np.asarray(images.transform(X), dtype=np.float64)]
    for step in transformers:
        entering.append(_transform(step, entering[-1]))
    for step, rows in zip(reversed(transformers), reversed(entering[:-1]), strict=True):
        coef = coef_before(step, coef, rows)
    return LinearScores(network, coef, classifier.classes_)


def own_network(images: ImageEstimator) -> keras.Model:
    """Return a copy of the network that the estimator does not keep."""
    twin = copy.copy(images)
    twin.__dict__.pop("model_", None)
    return twin.model_


def class_coef(classifier: Any) -> NDArray[np.floating]:
    """Return one column of coefficients per class.

    With two classes they are those of the decision function and their negatives.
    A linear SVC decides between each two classes: the score of a class is the
    sum of its decisions against the others.

    Raises
    ------
    TypeError
        If the classifier is not linear.
    """
    rows = getattr(classifier, "coef_", None)
    if rows is None or not hasattr(classifier, "classes_"):
        raise TypeError(
            f"The classifier on the features, {classifier!r}, has scores that are not linear in "
            "them. Give a linear classifier with coef_, such as LogisticRegression or "
            "SVC(kernel='linear')."
        )
    n_classes = len(classifier.classes_)
    if n_classes == 2:
        return np.stack([-rows[0], rows[0]], axis=1)
    if not isinstance(classifier, SVC | NuSVC):
        return rows.T
    coef = np.zeros((rows.shape[1], n_classes))
    for (i, j), row in zip(itertools.combinations(range(n_classes), 2), rows, strict=True):
        coef[:, i] += row
        coef[:, j] -= row
    return coef


def coef_before(
    step: Any, coef: NDArray[np.floating], rows: NDArray[np.float64]
) -> NDArray[np.floating]:
    """Return the coefficients on what enters an affine step.

    Parameters
    ----------
    step : transformer
        Fitted.
    coef : ndarray of shape (n_features_out, n_classes)
        Those on what leaves it.
    rows : ndarray of shape (n_samples, n_features_in)
        What enters it.

    Returns
    -------
    coef : ndarray of shape (n_features_in, n_classes)

    Raises
    ------
    ValueError
        If the step is not affine on the rows.
    """
    n_features = rows.shape[1]
    origin = _transform(step, np.zeros((1, n_features))) @ coef
    columns = [
        _transform(step, np.eye(min(_CHUNK, n_features - start), n_features, k=start)) @ coef
        for start in range(0, n_features, _CHUNK)
    ]
    before = np.concatenate(columns) - origin
    scores = _transform(step, rows) @ coef
    if not np.allclose(rows @ before + origin, scores, rtol=1e-4, atol=1e-4 * np.ptp(scores)):
        raise ValueError(
            f"The scores of the classes must be linear in the features, but the step {step!r} is "
            "not affine. StandardScaler, other scalers, PCA and selectors are."
        )
    return before


def _transform(step: Any, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        # The step was fitted on a DataFrame; the columns here are in the same order.
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        return np.asarray(step.transform(rows), dtype=np.float64)
