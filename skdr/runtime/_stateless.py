"""A network as a function of images and weights, compiled by Keras's backend."""

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Tensors = Sequence[Any]


def compile_with_keras(network: keras.Model) -> Callable[..., NDArray[np.float32]]:
    """Return a network as a function from batches to outputs; see `Stateless`."""
    run = Stateless(network)
    return FewSizes(run) if keras.backend.backend() == "jax" else run


class Stateless:
    """Runs a network with weights that come with the call; threads may do so at once.

    Nothing is written into the network, which may be trained meanwhile.

    Parameters
    ----------
    network : keras.Model
        Only read.
    """

    def __init__(self, network: keras.Model):
        self._network = network
        self._variables = network.weights
        self._weights: Tensors | None = None
        is_weight = {id(variable) for variable in self._variables}
        # The random states of layers that draw numbers in inference too. Each pass goes on from
        # the states of the one before; those of training are separate.
        self._drawing = [v for v in network.variables if id(v) not in is_weight]
        self._states: Tensors = as_tensors(self._drawing)
        self._run = self._compiled()

    def __call__(self, batch: NDArray[Any], weights: Tensors | None = None) -> NDArray[np.float32]:
        """Return the outputs of a batch.

        Parameters
        ----------
        batch : ndarray
        weights : sequence of tensors or arrays, optional
            One for each of ``network.weights``; by default the values that
            these had in the first call without weights.
        """
        if weights is None:
            if self._weights is None:
                self._weights = as_tensors(self._variables)
            weights = self._weights
        outputs, *self._states = self._run(batch, [*weights, *self._states])
        return keras.ops.convert_to_numpy(outputs)

    def _forward(self, images: Any, tensors: Tensors) -> list[Any]:
        """Return the outputs and the next states, in operations of Keras alone."""
        variables = [*self._variables, *self._drawing]
        with keras.StatelessScope(list(zip(variables, tensors, strict=True))) as scope:
            outputs = self._network(keras.ops.cast(images, "float32"), training=False)
            outputs = keras.ops.cast(outputs, "float32")
        return [outputs, *(scope.get_current_value(v) for v in self._drawing)]

    def _compiled(self) -> Callable[[Any, Tensors], list[Any]]:
        backend = keras.backend.backend()
        if backend == "tensorflow":
            from skdr.devices import _tensorflow

            variables = [*self._variables, *self._drawing]
            return _tensorflow.compile_forward(self._forward, self._network, variables)
        if backend == "jax":
            return importlib.import_module("jax").jit(self._forward)
        if backend == "torch":
            return importlib.import_module("torch").no_grad()(self._forward)
        return self._forward


class FewSizes:
    """Run batches of any size at few sizes: XLA compiles each size anew, which takes seconds.

    A batch is padded to a size that was run before, if that is at most four
    times its own, otherwise to the next power of two. One that is larger than
    all before is not padded.

    Parameters
    ----------
    call : callable
        Takes a batch, and perhaps more, and returns its outputs, one row per image.
    """

    def __init__(self, call: Callable[..., Any]):
        self._call = call
        self._sizes: set[int] = set()

    def __call__(self, batch: NDArray[Any], *args: Any, **kwargs: Any) -> Any:
        """Return the outputs of a batch."""
        n_images, size = len(batch), self._size(len(batch))
        if size > n_images:
            padding = np.zeros((size - n_images, *batch.shape[1:]), dtype=batch.dtype)
            batch = np.concatenate([batch, padding])
        outputs = self._call(batch, *args, **kwargs)[:n_images]
        self._sizes.add(size)
        return outputs

    def _size(self, n_images: int) -> int:
        larger = [size for size in tuple(self._sizes) if size >= n_images]
        if not larger or min(larger) <= 4 * n_images:
            return min(larger, default=n_images)
        return 1 << (n_images - 1).bit_length()


def as_tensors(values: Iterable[Any]) -> Tensors:
    """Return arrays, or the present values of variables, as tensors where the backend computes."""
    if keras.backend.backend() == "tensorflow":
        from skdr.devices import _tensorflow

        return _tensorflow.as_tensors(values)
    return [keras.ops.convert_to_tensor(value) for value in values]
