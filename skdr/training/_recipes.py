"""How the networks of the classifiers are made, before they are trained."""

import os
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import keras

from skdr.networks import (
    BackboneLike,
    build_small_cnn,
    default_image_size,
    is_own_code,
    pretrained_classifier,
    scratch_classifier,
    smallest_image_size,
)
from skdr.runtime import frozen_network, network_origin, parameter_key

Size = tuple[int, int]
_SMALL_CNN_SIZE, _SMALLEST_SIZE = (128, 128), (16, 16)


@dataclass(frozen=True, eq=False, kw_only=True)
class NetworkRecipe(ABC):
    """Makes the network of a classifier. Its fields are all that shapes the network.

    Attributes
    ----------
    backbone : str, keras.Model or callable
    pooling : str or None
    hidden_layer_sizes : sequence of int
    dropout : float
    dtype : str
        See the classifiers' parameters of these names.
    """

    backbone: BackboneLike
    pooling: str | None
    hidden_layer_sizes: Sequence[int]
    dropout: float
    dtype: str

    @abstractmethod
    def build(self, image_size: Size, n_classes: int, seed: int) -> keras.Model:
        """Return an untrained classifier of images of some size."""

    @property
    @abstractmethod
    def draws_weights(self) -> bool:
        """Whether some weights of an untrained network are drawn from the seed."""

    @property
    def default_image_size(self) -> Size:
        """The height and width that the network was made for."""
        return default_image_size(self.backbone)

    @property
    def smallest_image_size(self) -> Size:
        """The smallest height and width that it takes."""
        return smallest_image_size(self.backbone)

    def key(self, image_size: Size, n_classes: int, seed: int) -> Hashable | None:
        """Return a key that is equal only for the same layers; None if skdr cannot tell.

        Networks that differ only in the seed of their weights have equal keys.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        origin = network_origin(values.pop("backbone"), values.pop("weights", None), None)
        # The user's own code may draw more from the seed than weights.
        drawn = seed if self._is_users_code else None
        try:
            parameters = tuple((name, parameter_key(value)) for name, value in values.items())
        except TypeError:
            return None
        return (type(self), origin, drawn, parameters, image_size, n_classes)

    @property
    def _is_users_code(self) -> bool:
        return is_own_code(self.backbone)


@dataclass(frozen=True, eq=False, kw_only=True)
class PretrainedRecipe(NetworkRecipe):
    """A pretrained network with a new head.

    Attributes
    ----------
    weights : "imagenet", path or None
    layer : str or sequence of str
        See the parameters of `FineTunedCNNClassifier`.
    """

    weights: str | os.PathLike[str] | None
    layer: str | Sequence[str]

    def build(self, image_size: Size, n_classes: int, seed: int) -> keras.Model:
        # Copied from the frozen network that computes features: it exists, or will be needed.
        frozen = frozen_network(
            self.backbone, self.weights, image_size, dtype=self.dtype, seed=seed
        )
        return pretrained_classifier(
            frozen.network,
            self.backbone,
            n_classes,
            layer=self.layer,
            pooling=self.pooling,
            hidden_layer_sizes=self.hidden_layer_sizes,
            dropout=self.dropout,
        )

    @property
    def draws_weights(self) -> bool:
        drawn = self.weights is None or self._is_users_code
        return drawn or len(self.hidden_layer_sizes) > 0


@dataclass(frozen=True, eq=False, kw_only=True)
class ScratchRecipe(NetworkRecipe):
    """A network of random weights.

    Attributes
    ----------
    kernel_initializer : str or keras.initializers.Initializer
        See the parameter of `ScratchCNNClassifier`.
    """

    kernel_initializer: Any

    def build(self, image_size: Size, n_classes: int, seed: int) -> keras.Model:
        return scratch_classifier(
            self.backbone,
            image_size,
            n_classes,
            pooling=self.pooling,
            kernel_initializer=self.kernel_initializer,
            seed=seed,
            hidden_layer_sizes=self.hidden_layer_sizes,
            dropout=self.dropout,
            dtype=self.dtype,
        )

    @property
    def draws_weights(self) -> bool:
        return True

    @property
    def default_image_size(self) -> Size:
        return _SMALL_CNN_SIZE if self._is_small_cnn else super().default_image_size

    @property
    def smallest_image_size(self) -> Size:
        return _SMALLEST_SIZE if self._is_small_cnn else super().smallest_image_size

    @property
    def _is_small_cnn(self) -> bool:
        return self.backbone is build_small_cnn

    @property
    def _is_users_code(self) -> bool:
        return super()._is_users_code and not self._is_small_cnn
