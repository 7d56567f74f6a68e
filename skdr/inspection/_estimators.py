"""Find the estimator that takes the images, in pipelines, searches and behind samplers."""

from typing import Any, NamedTuple

from sklearn.pipeline import Pipeline

from skdr.estimators import ImageEstimator
from skdr.images import ImageForm, ImageSource


class SplitEstimator(NamedTuple):
    """An estimator, split at the step that takes the images.

    Attributes
    ----------
    image_step : ImageEstimator
        That step.
    later_steps : list of estimators
        Those that follow it.
    X : array-like
        What enters that step.
    """

    image_step: ImageEstimator
    later_steps: list[Any]
    X: Any

    def source(self) -> ImageSource:
        """Return the images in X."""
        return ImageForm.of(self.image_step).source(self.X)


def split_at_image_step(estimator: Any, X: Any) -> SplitEstimator:
    """Find the step of an estimator that takes the images, and transform X up to it.

    Raises
    ------
    TypeError
        If no step is an estimator of skdr.
    """
    steps = fitted_steps(estimator)
    for i, step in enumerate(steps):
        if isinstance(step, ImageEstimator):
            return SplitEstimator(step, steps[i + 1 :], X)
        X = step.transform(X) if hasattr(step, "transform") else X
    raise TypeError(
        f"{type(estimator).__name__} holds no estimator of skdr. Give a FineTunedCNNClassifier, a "
        "ScratchCNNClassifier or a Pipeline with a PretrainedFeatureExtractor, or a search over "
        "one of them."
    )


def fitted_steps(estimator: Any) -> list[Any]:
    """Return the steps that X passes in prediction, in order.

    Those of a search are those of its best estimator; samplers of a pipeline
    are left out.
    """
    if hasattr(estimator, "best_estimator_"):
        return fitted_steps(estimator.best_estimator_)
    if isinstance(estimator, Pipeline):
        return [step for _, inner in estimator.steps for step in fitted_steps(inner)]
    is_skipped = estimator is None or estimator == "passthrough"
    return [] if is_skipped or hasattr(estimator, "fit_resample") else [estimator]
