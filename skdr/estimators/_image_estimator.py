"""ImageEstimator: what every estimator on images shares."""

import copy
from numbers import Integral
from typing import Any, ClassVar

import keras
from sklearn.base import BaseEstimator

from skdr._sklearn import CallbackSupportMixin, Interval, StrOptions
from skdr.devices import batch_size_of_passes
from skdr.images import ImageForm, ImageSource, validate_images
from skdr.runtime import sealed_parameters


class ImageEstimator(CallbackSupportMixin, BaseEstimator):
    """An estimator whose X is images."""

    _image_constraints: ClassVar[dict[str, Any]] = {
        "image_size": [Interval(Integral, 1, None, closed="left"), "array-like", None],
        "preprocess": [callable, None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "image_shape": ["array-like", None],
        "image_column": [str, None],
        "value_range": ["array-like", None],
        "verbose": ["verbose"],
    }

    def _validate_images(self, X: Any, *, reset: bool) -> ImageSource:
        return validate_images(self, X, reset=reset, form=ImageForm.of(self))

    @property
    def _prediction_batch_size(self) -> int:
        """How many images are decoded, and pass the network, at once."""
        return batch_size_of_passes(self.batch_size)

    def __sklearn_clone__(self) -> "ImageEstimator":
        """Clone, but share networks and layers: nothing changes them, and copying takes long."""
        shared = {k: v for k, v in self.get_params(deep=False).items() if _holds_layers(v)}
        without = copy.copy(self)
        without.__dict__.update(dict.fromkeys(shared))
        cloned = BaseEstimator.__sklearn_clone__(without)
        cloned.__dict__.update(shared)
        return cloned

    def __copy__(self) -> "ImageEstimator":
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.__dict__.pop("model_", None)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the copy that `model_` makes: the network is there already.

        Raises
        ------
        ValueError
            If a network among the parameters could not be loaded again.
        """
        state = super().__getstate__()
        return sealed_parameters({k: v for k, v in state.items() if k != "model_"})

    def _resolve_image_size(
        self, source: ImageSource, default: tuple[int, int], smallest: tuple[int, int]
    ) -> tuple[int, int]:
        """Return (height, width); rows that are no pictures have no detail to enlarge."""
        if self.image_size is None:
            return smallest if source.is_strip else default
        if isinstance(self.image_size, Integral):
            return (int(self.image_size), int(self.image_size))
        height, width = self.image_size
        return (int(height), int(width))


def _holds_layers(value: Any) -> bool:
    values = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(each, keras.Layer) for each in values)
