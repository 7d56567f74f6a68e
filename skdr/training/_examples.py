"""Labelled images, and the batches in which a network gets them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from skdr.images import ImageArray, ImageSource


@dataclass(frozen=True)
class Examples:
    """Images with what is to be learned from them.

    Attributes
    ----------
    source : ImageSource
        The images.
    targets : ndarray of shape (n,) or (n, n_classes)
        Class numbers, or one column per class, as the loss wants them.
    weights : ndarray of shape (n,)
        Weights in the loss, of mean 1.
    total_weight : float
        Their sum as the caller gave them.
    counts : ndarray of shape (n,)
        Sample weights without class weights: how many images each image
        stands for.
    decode : callable
        Returns the pixels of a source, RGB in 0..255.
    """

    source: ImageSource
    targets: NDArray[Any]
    weights: NDArray[np.float32]
    total_weight: float
    counts: NDArray[np.float64]
    decode: Callable[[ImageSource], ImageArray]

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def class_numbers(self) -> NDArray[Any]:
        """Targets of shape (n,), whatever the loss wants."""
        return self.targets if self.targets.ndim == 1 else self.targets.argmax(axis=1)

    @cached_property
    def images(self) -> ImageArray:
        """Array of shape (n, height, width, 3): decoded once, when first asked for."""
        return self.decode(self.source)


class Batches(keras.utils.PyDataset):
    """Batches of examples for all epochs: in order, or shuffled anew for each epoch.

    All epochs are one long sequence, because an iterator for each costs Keras as
    much as many small steps. At the end of the context it gives up its arrays,
    because TensorFlow never releases the sequence itself.
    """

    def __init__(
        self,
        inputs: ImageArray,
        examples: Examples,
        batch_size: int,
        *,
        epochs: int = 1,
        seed: int | None = None,
    ):
        super().__init__()
        self._arrays: tuple[Any, ...] = (inputs, examples.targets, examples.weights)
        self._n, self._batch_size = len(inputs), batch_size
        self._epochs, self._seed = epochs, seed
        self._order = np.arange(self._n)
        self._epoch_of_order: int | None = None
        self.steps_per_epoch = -(-self._n // batch_size)

    def __len__(self) -> int:
        return self.steps_per_epoch * max(1, self._epochs)  # Keras reads one batch in any case

    def __getitem__(self, index: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        epoch, step = divmod(index, self.steps_per_epoch)
        if self._seed is not None and epoch != self._epoch_of_order:
            self._order = np.random.default_rng((self._seed, epoch)).permutation(self._n)
            self._epoch_of_order = epoch
        rows = self._order[step * self._batch_size : (step + 1) * self._batch_size]
        images, targets, weights = self._arrays
        return images[rows], targets[rows], weights[rows]

    def __enter__(self) -> "Batches":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._arrays = ()
