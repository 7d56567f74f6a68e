"""The one file that imports TensorFlow; imported where Keras runs on it."""

import functools
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import keras
import tensorflow as tf


def compile_forward(
    forward: Callable[[Any, Any], list[Any]], network: keras.Model, variables: Sequence[Any]
) -> Callable[[Any, Sequence[Any]], list[Any]]:
    """Compile a function of images and tensors once, for batches of all sizes.

    Parameters
    ----------
    forward : callable
        Takes a batch and a list of tensors, and returns a list of tensors.
    network : keras.Model
        Its input gives the shape of the images.
    variables : sequence of keras.Variable
        They give the shapes and types of the other tensors.
    """
    images = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)
    signature = [images, [tf.TensorSpec(v.shape, v.dtype) for v in variables]]
    compiled = tf.function(forward, input_signature=signature, autograph=False, jit_compile=False)
    traced = compiled.get_concrete_function()
    dtypes = [output.dtype for output in traced.outputs]
    soft = tf.config.get_soft_device_placement()
    config = tf.compat.v1.ConfigProto(allow_soft_placement=soft).SerializeToString()

    def call(batch: Any, tensors: Sequence[Any]) -> list[Any]:
        images = tf.cast(tf.constant(batch), tf.float32)
        # Does the same as calling `traced`, but that sorts hundreds of arguments in Python, which
        # takes three milliseconds for EfficientNetLite0.
        return tf.raw_ops.StatefulPartitionedCall(
            args=[images, *tensors, *traced.captured_inputs],
            Tout=dtypes,
            f=traced,
            config_proto=config,
        )

    return call


def as_tensors(values: Iterable[Any]) -> list[Any]:
    """Return arrays, or the present values of variables, as tensors: Keras would keep variables."""
    return [tf.convert_to_tensor(value) for value in values]


def gradient(function: Callable[[Any], Any], point: Any) -> Any:
    """Differentiate a function of one tensor that returns one number."""
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = function(point)
    return tape.gradient(value, point)


class Learner(keras.Model):
    """A network whose steps are traced once, for batches of any size.

    When batches have a known size, Keras traces a step once more for the last
    batch of an epoch, which has fewer rows: that takes seconds in a large network.

    Parameters
    ----------
    inputs, outputs : keras.KerasTensor
    """

    def __init__(self, inputs: Any, outputs: Any):
        super().__init__(inputs, outputs)
        self._traced_train: Callable[[Any], Any] | None = None
        self._traced_test: Callable[[Any], Any] | None = None

    def train_step(self, data: tuple[Any, ...]) -> dict[str, Any]:
        if self._traced_train is None and has_known_size(data):
            self._traced_train = traced_for_any_size(self.learn, data)
        return (self._traced_train or self.learn)(data)

    def test_step(self, data: tuple[Any, ...]) -> dict[str, Any]:
        if self._traced_test is None and has_known_size(data):
            self._traced_test = traced_for_any_size(super().test_step, data)
        return (self._traced_test or super().test_step)(data)

    def learn(self, data: tuple[Any, ...]) -> dict[str, Any]:
        """Learn from a batch."""
        return super().train_step(data)


def has_known_size(data: tuple[Any, ...]) -> bool:
    """Whether a step is being traced for batches of one size only, on one device."""
    return not (tf.executing_eagerly() or is_mirrored() or data[0].shape[0] is None)


def traced_for_any_size(step: Callable[[Any], Any], data: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Return a step that is traced once, for batches like `data` with any number of rows."""
    specs = tuple(tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in data)
    return tf.function(step, input_signature=[specs], autograph=False)


class ManyBatches(Learner):
    """A network that cuts what it is given into batches and learns from all, in one call.

    Parameters
    ----------
    inputs, outputs : keras.KerasTensor

    Attributes
    ----------
    batch_size : tf.Variable
        Assign it before training.
    """

    def __init__(self, inputs: Any, outputs: Any):
        super().__init__(inputs, outputs)
        self.batch_size = tf.Variable(1, trainable=False)

    def compile(self, **settings: Any) -> None:
        super().compile(**settings, jit_compile=False)  # XLA cannot slice to unknown sizes

    def learn(self, data: tuple[Any, ...]) -> dict[str, Any]:
        """Learn from each batch in turn."""
        learn = super().learn
        n = tf.shape(data[0])[0]

        def learn_batch(start: Any) -> Any:
            end = start + self.batch_size
            learn(tuple(array[start:end] for array in data))
            return [end]  # in eager mode the loop expects a list

        tf.while_loop(lambda start: start < n, learn_batch, [tf.constant(0)])
        return self.get_metrics_result()


@functools.cache  # a second strategy on the same devices disturbs the first
def mirrored_strategy(devices: tuple[str, ...]) -> Any:
    """Return a strategy that trains a copy of a network per device, each on a part of a batch."""
    return tf.distribute.MirroredStrategy(list(devices))


def is_mirrored() -> bool:
    """Whether networks that are built now are copied to several devices."""
    return tf.distribute.has_strategy()


def list_gpus() -> list[str]:
    """Return the names of the visible GPUs, and have TensorFlow take their memory as it needs it.

    By default it takes nearly all at once. Where it already uses them, or the
    user has divided their memory, nothing changes.
    """
    gpus = tf.config.get_visible_devices("GPU")
    for gpu in gpus:
        with suppress(RuntimeError, ValueError):
            tf.config.experimental.set_memory_growth(gpu, True)
    return [gpu.name for gpu in gpus]


def is_running() -> bool:
    """Whether TensorFlow has started its threads: it then refuses another number of threads.

    Also true in a process that was forked from one in which it had.
    """
    threading = tf.config.threading
    n_threads = threading.get_inter_op_parallelism_threads()
    try:
        threading.set_inter_op_parallelism_threads(n_threads + 1)
    except RuntimeError:
        return True
    threading.set_inter_op_parallelism_threads(n_threads)
    return False
