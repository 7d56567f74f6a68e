"""The worst mistakes of a classifier, to look at."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d

from skdr._labels import check_lengths
from skdr.images import ImageForm, ImageSource, shown_image
from skdr.inspection._estimators import split_at_image_step
from skdr.inspection._plotting import image_axes, short_name, write_caption


class MistakesDisplay:
    """The images that a classifier got most wrong, the worst first.

    Best made by `from_estimator` or `from_predictions`. For nominal classes
    the worst mistake is the one whose true class has the lowest score. For
    grades it is the one that is most grades off; among equal ones, the lowest
    score decides.

    Parameters
    ----------
    images : list of ndarray of shape (height, width, 3) and dtype uint8
        Each at its own size; a side of more than 1,024 pixels is reduced to that.
    y_true, y_pred : ndarray of shape (n_images,)
        Classes.
    true_score, pred_score : ndarray of shape (n_images,)
        The scores of the true and of the predicted class; NaN where they are
        not known.
    indices : ndarray of shape (n_images,)
        The positions of the images in X.
    names : list of str
        File names, or positions in X.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_images,)
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from skdr.datasets import make_fundus_images
    >>> from skdr.inspection import MistakesDisplay
    >>> data = make_fundus_images(4, image_size=64, random_state=0)
    >>> display = MistakesDisplay.from_predictions(
    ...     data.images, y_true=[0, 1, 2, 3], y_pred=[0, 2, 2, 0], graded=True
    ... )
    >>> display.indices
    array([3, 1])
    """

    def __init__(
        self,
        *,
        images: Sequence[NDArray[np.uint8]],
        y_true: NDArray[Any],
        y_pred: NDArray[Any],
        true_score: NDArray[np.floating],
        pred_score: NDArray[np.floating],
        indices: NDArray[np.intp],
        names: Sequence[str],
    ):
        self.images = images
        self.y_true = y_true
        self.y_pred = y_pred
        self.true_score = true_score
        self.pred_score = pred_score
        self.indices = indices
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        graded: bool = False,
        n_images: int = 12,
        n_columns: int = 4,
        axes: Any = None,
    ) -> "MistakesDisplay":
        """Predict, and draw the worst mistakes.

        Parameters
        ----------
        estimator : classifier
            Fitted; of skdr, or a Pipeline or search that holds one.
        X : array-like, DataFrame or sequence of n_samples images
            In any of the forms that the estimator takes.
        y : array-like of shape (n_samples,)
            The true classes.
        graded, n_images, n_columns, axes
            See `from_predictions`.

        Returns
        -------
        display : MistakesDisplay
            Its scores are probabilities, or those of ``decision_function``
            where the estimator has none.
        """
        source = split_at_image_step(estimator, X).source()
        y_pred, y_score = estimator.predict(X), _class_scores(estimator, X)
        worst = _worst(source, y, y_pred, y_score, estimator.classes_, graded, n_images)
        return cls(**worst).plot(n_columns=n_columns, axes=axes)

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        y_score: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        graded: bool = False,
        n_images: int = 12,
        image_shape: tuple[int, ...] | None = None,
        image_column: str | None = None,
        value_range: tuple[float, float] | None = None,
        n_columns: int = 4,
        axes: Any = None,
    ) -> "MistakesDisplay":
        """Draw the worst mistakes among predictions, such as those of `cross_val_predict`.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of n_samples images
            Images in any of the forms that the user guide lists; only those
            that are shown are decoded.
        y_true, y_pred : array-like of shape (n_samples,)
            True and predicted classes.
        y_score : array-like of shape (n_samples, n_classes), default=None
            The score of each class: a probability or another score. Without
            scores, only grades make one mistake worse than another; equal
            ones come in the order of X.
        labels : array-like of shape (n_classes,), default=None
            The class of each column of `y_score`; None is the sorted classes
            of `y_true` and `y_pred`.
        graded : bool, default=False
            Whether classes are grades: numbers whose distance counts.
        n_images : int, default=12
            How many mistakes to show at most.
        image_shape, image_column, value_range
            How images are found in X, see `PretrainedFeatureExtractor`.
        n_columns : int, default=4
            Images in a row.
        axes : sequence of matplotlib Axes, default=None
            One per image; None makes a new figure.

        Returns
        -------
        display : MistakesDisplay

        Raises
        ------
        ValueError
            If lengths differ, `y_score` does not have one column per class, or
            grades are not numbers.
        """
        source = ImageForm(image_shape, image_column, value_range).source(X)
        worst = _worst(source, y_true, y_pred, y_score, labels, graded, n_images)
        return cls(**worst).plot(n_columns=n_columns, axes=axes)

    def plot(self, *, n_columns: int = 4, axes: Any = None) -> "MistakesDisplay":
        """Draw the images with true and predicted class, their scores, and the name.

        Parameters
        ----------
        n_columns : int, default=4
            Images in a row.
        axes : sequence of matplotlib Axes, default=None
            One per image; None makes a new figure.

        Returns
        -------
        display : MistakesDisplay
        """
        aspects = [image.shape[0] / image.shape[1] for image in self.images]
        self.figure_, self.axes_ = image_axes(aspects, n_columns, axes, width=2.2, n_lines=3)
        for axis, image, caption in zip(self.axes_, self.images, self._captions(), strict=True):
            axis.imshow(image)
            write_caption(axis, caption)
        if not self.images:
            self.figure_.suptitle("No mistakes")
        return self

    def _captions(self) -> list[list[str]]:
        return [
            [
                f"true: {true}{_in_brackets(true_score)}",
                f"predicted: {pred}{_in_brackets(pred_score)}",
                short_name(name),
            ]
            for true, true_score, pred, pred_score, name in zip(
                self.y_true, self.true_score, self.y_pred, self.pred_score, self.names, strict=True
            )
        ]


def _worst(
    source: ImageSource,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    y_score: ArrayLike | None,
    labels: ArrayLike | None,
    graded: bool,
    n_images: int,
) -> dict[str, Any]:
    """Return what a display of the worst mistakes holds."""
    true: NDArray[Any] = column_or_1d(y_true)
    pred: NDArray[Any] = column_or_1d(y_pred)
    check_lengths(X=len(source), y_true=len(true), y_pred=len(pred))
    true_score, pred_score = _scores(true, pred, y_score, labels)
    error = _grades_off(true, pred) if graded else (true != pred).astype(float)
    order = np.lexsort((np.nan_to_num(true_score, nan=-np.inf), -error))
    rows = order[error[order] > 0][:n_images]
    return {
        "images": [shown_image(source, i) for i in rows],
        "y_true": true[rows],
        "y_pred": pred[rows],
        "true_score": true_score[rows],
        "pred_score": pred_score[rows],
        "indices": rows,
        "names": [source.name(i) for i in rows],
    }


def _scores(
    y_true: NDArray[Any], y_pred: NDArray[Any], y_score: ArrayLike | None, labels: ArrayLike | None
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the score of the true and of the predicted class, NaN where there is none."""
    if y_score is None:
        return np.full(len(y_true), np.nan), np.full(len(y_true), np.nan)
    labels = np.union1d(y_true, y_pred) if labels is None else np.asarray(labels)
    scores = np.asarray(y_score, dtype=float)
    if scores.shape != (len(y_true), len(labels)):
        raise ValueError(
            f"y_score has shape {scores.shape}, expected {(len(y_true), len(labels))}: one column "
            f"for each of {labels.tolist()}. Set labels= to the classes of its columns."
        )
    numbers = {label: number for number, label in enumerate(labels.tolist())}
    # A class that the classifier does not know has no column of its own.
    scores = np.column_stack([scores, np.full(len(scores), np.nan)])
    true, pred = ([numbers.get(y, -1) for y in ys.tolist()] for ys in (y_true, y_pred))
    rows = np.arange(len(scores))
    return scores[rows, true], scores[rows, pred]


def _grades_off(y_true: NDArray[Any], y_pred: NDArray[Any]) -> NDArray[np.float64]:
    if y_true.dtype.kind not in "iuf" or y_pred.dtype.kind not in "iuf":
        raise ValueError(
            f"graded=True needs grades that are numbers, not {y_true.dtype} and {y_pred.dtype}; "
            "give numbers, or graded=False."
        )
    return np.abs(y_true.astype(float) - y_pred)


def _class_scores(estimator: Any, X: Any) -> NDArray[np.floating] | None:
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X)
    if not hasattr(estimator, "decision_function"):
        return None
    scores = estimator.decision_function(X)
    return np.column_stack([-scores, scores]) if scores.ndim == 1 else scores


def _in_brackets(score: float) -> str:
    return "" if np.isnan(score) else f" ({score:.2f})"
