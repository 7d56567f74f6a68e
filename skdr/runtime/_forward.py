"""The forward pass of a network, compiled."""

import functools
import importlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import Any, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from skdr._accelerations import are_accelerations_enabled
from skdr.devices import gpu_turn, is_out_of_memory, refuse_if_forked, reuse_freed_memory
from skdr.runtime._fold import fold_batch_norm
from skdr.runtime._keras_internals import keras_seed
from skdr.runtime._stateless import compile_with_keras
from skdr.runtime._workers import in_worker

# A compiled network takes a batch and, unless it has constant weights, the weights.
Compiler: TypeAlias = Callable[[keras.Model], Callable[..., Any]]
# For fewer rows than this, libraries use other algorithms for matrix products. They
# also sum the last rows in another order than the rest.
_MIN_ROWS = 64
_TAIL_ROWS = 8
# Every network here halves its images at most five times.
_STRIDE = 32


class ForwardPass:
    """Run a network in inference mode, batch by batch; threads may do so at once.

    Dropout does nothing, BatchNorm uses its stored statistics, and the output
    for an image does not depend on the other images of its batch. If a batch is
    too large for the memory of the device, it runs in halves, and so do all
    later ones. Few batches are computed at once, however many threads call;
    see `in_worker`.

    Parameters
    ----------
    network : keras.Model
        Only read.
    constant_weights : bool, default=True
        Whether its weights stay as they are at the first call, which makes it
        faster: see `fold_batch_norm`. Otherwise they come with each call.
    compiler : callable, default=None
        Turns a network into a function from batches to outputs, such as
        `OpenVINO`. By default Keras's backend does.
    """

    def __init__(
        self,
        network: keras.Model,
        *,
        constant_weights: bool = True,
        compiler: Compiler | None = None,
    ):
        self.network = network
        self._folds = constant_weights and are_accelerations_enabled()
        self.compiler = compiler or compile_with_keras
        self._compiled: Callable[..., Any] | None = None
        self._max_rows: int | None = None

    def __call__(
        self, batches: Iterable[NDArray[Any]], weights: Sequence[Any] | None = None
    ) -> NDArray[np.float32]:
        """Return the outputs for all batches, one row per image.

        Parameters
        ----------
        batches : iterable of ndarray
        weights : sequence of tensors or arrays, optional
            In place of the network's own.
        """
        refuse_if_forked()
        run = self._compile()
        if weights is not None:
            run = functools.partial(run, weights=weights)
        turn = gpu_turn() if self.compiler is compile_with_keras else nullcontext()
        with turn, reuse_freed_memory():
            outputs = [self._run(run, batch) for batch in batches]
        return np.concatenate(outputs, dtype=np.float32)

    def _compile(self) -> Callable[..., Any]:
        if self._compiled is None:
            with keras_seed(0):  # its lock keeps threads from compiling the same twice
                if self._compiled is None:
                    network = fold_batch_norm(self.network) if self._folds else self.network
                    self._compiled = self.compiler(network)
        return self._compiled

    def _run(self, run: Callable[..., Any], batch: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs of a batch, in halves where it does not fit into memory."""
        if self._max_rows is None or len(batch) <= self._max_rows:
            try:
                return in_worker(run, _padded(batch))[: len(batch)]
            except Exception as exc:
                if len(batch) == 1 or not is_out_of_memory(exc):
                    raise
            self._max_rows = -(-len(batch) // 2)
        middle = -(-len(batch) // 2)
        return np.concatenate([self._run(run, batch[:middle]), self._run(run, batch[middle:])])


def gradient(function: Callable[[Any], Any], point: Any) -> NDArray[np.float32]:
    """Differentiate a function that is written in Keras's operations.

    Parameters
    ----------
    function : callable
        Takes a tensor and returns one number, as a tensor.
    point : tensor
        Where to differentiate.

    Returns
    -------
    gradient : ndarray of the shape of `point`

    Raises
    ------
    NotImplementedError
        If Keras runs on a backend that computes no gradients.
    """
    backend, x = keras.backend.backend(), keras.ops.convert_to_tensor(point)
    if backend == "tensorflow":
        from skdr.devices import _tensorflow

        result = _tensorflow.gradient(function, x)
    elif backend == "jax":
        result = importlib.import_module("jax").grad(function)(x)
    elif backend == "torch":
        x = x.detach().requires_grad_()
        (result,) = importlib.import_module("torch").autograd.grad(function(x), x)
    else:
        raise NotImplementedError(
            f"The Keras backend {backend!r} computes no gradients; set KERAS_BACKEND=tensorflow, "
            "jax or torch before Python starts."
        )
    return keras.ops.convert_to_numpy(keras.ops.cast(result, "float32"))


def _padded(batch: NDArray[Any]) -> NDArray[Any]:
    """Append black images to a batch, so that all real ones are computed in the same way.

    An image then has the same output at any position and in a batch of any
    size, bit for bit on the CPUs that this was tried on. At 224 pixels it costs
    one more image per batch.
    """
    rows_per_image = 1
    if batch.ndim == 4:
        rows_per_image = max(1, batch.shape[1] // _STRIDE * (batch.shape[2] // _STRIDE))
    n_tail = -(-_TAIL_ROWS // rows_per_image)
    n_total = max(len(batch), -(-_MIN_ROWS // rows_per_image)) + n_tail
    # As uint8, a pixel value needs one byte instead of four on its way to a GPU.
    dtype = np.uint8 if batch.dtype == np.uint8 else np.float32
    padded = np.zeros((n_total, *batch.shape[1:]), dtype=dtype)
    padded[: len(batch)] = batch
    return padded
