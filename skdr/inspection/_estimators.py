"""Find the estimator that takes the images, in pipelines, searches and beside samplers."""

from typing import Any

from sklearn.pipeline import Pipeline

from skdr._base import ImageEstimator
from skdr.images import ImageSource, as_image_source


def fitted_steps(estimator: Any) -> list[Any]:
    """Return what X passes at prediction, one after another.

    Parameters
    ----------
    estimator : estimator
        Fitted. Of a search it is the best estimator; the steps of a pipeline
        follow each other, without its samplers.
    """
    if hasattr(estimator, "best_estimator_"):
        return fitted_steps(estimator.best_estimator_)
    if not isinstance(estimator, Pipeline):
        skipped = estimator in (None, "passthrough") or hasattr(estimator, "fit_resample")
        return [] if skipped else [estimator]
    return [step for _, inner in estimator.steps for step in fitted_steps(inner)]


def split_steps(estimator: Any) -> tuple[list[Any], ImageEstimator, list[Any]]:
    """Return the steps before, at and behind the one that takes the images.

    Raises
    ------
    TypeError
        If no step is an estimator of skdr.
    """
    steps = fitted_steps(estimator)
    for i, step in enumerate(steps):
        if isinstance(step, ImageEstimator):
            return steps[:i], step, steps[i + 1 :]
    raise TypeError(
        f"{type(estimator).__name__} does not take images. Give a FineTunedCNNClassifier, a "
        "ScratchCNNClassifier or a Pipeline with a PretrainedFeatureExtractor; a search over them "
        "must be refit."
    )


def image_source(before: list[Any], images: ImageEstimator, X: Any) -> ImageSource:
    """Return the images that an estimator finds in X, behind some steps."""
    for step in before:
        X = step.transform(X)
    image_shape = images.image_shape
    low, high = images.value_range
    return as_image_source(
        X,
        image_shape=None if image_shape is None else tuple(image_shape),
        image_column=images.image_column,
        value_range=(low, high),
    )
