"""What skdr uses of Keras that Keras does not document; here and nowhere else.

A minor release of Keras may change any of it. Each function therefore has a fallback on public
names; `tests/test_keras_internals.py` hides the private names to test it.
"""

import importlib
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

UpdateStep = Callable[[Any, Any, Any], None]
_SEEDS = "keras.src.random.seed_generator"
_drawing = threading.RLock()


@contextmanager
def keras_seed(seed: int) -> Iterator[None]:
    """Make what Keras draws reproducible, and give the global generator back as it was.

    Keras seeds initializers and dropout from Python's global generator, from which other threads
    draw too: those of a server, or of a worker of dask. Where its module can be reached, Keras gets
    a generator of its own. The global one is seeded as well, for the code of a user's network.
    Other threads that build networks here wait.

    Parameters
    ----------
    seed : int
    """
    with _drawing:
        state = random.getstate()
        random.seed(seed)
        try:
            with _own_generator(seed):
                yield
        finally:
            random.setstate(state)


@contextmanager
def _own_generator(seed: int) -> Iterator[None]:
    try:
        module: Any = importlib.import_module(_SEEDS)
        shared = module.python_random
    except (ImportError, AttributeError):  # it draws from the global generator alone
        yield
        return
    module.python_random = random.Random(seed)
    try:
        yield
    finally:
        module.python_random = shared


def set_convolution(layer: keras.layers.Conv2D, convolution: Callable[[Any, Any], Any]) -> None:
    """Let one layer convolve by a function of inputs and kernel, without changing its class.

    If this version of Keras has no such method, the layer convolves as before.

    Parameters
    ----------
    layer : keras.layers.Conv2D
    convolution : callable
    """
    if hasattr(layer, "convolution_op"):
        layer.convolution_op = convolution


def set_update_step(optimizer: keras.optimizers.Optimizer, update_step: UpdateStep) -> None:
    """Let an optimizer update each weight by a function of gradient, variable and learning rate.

    Its class does not change, so that a saved network names an optimizer of Keras.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
    update_step : callable
    """
    optimizer.update_step = update_step
    if keras.backend.backend() == "torch" and hasattr(optimizer, "_backend_update_step"):
        # On PyTorch, Keras updates all weights at once and never calls `update_step`.
        no_grad = importlib.import_module("torch").no_grad

        def update_each(gradients: Any, variables: Any, learning_rate: Any) -> None:
            with no_grad():
                for gradient, variable in zip(gradients, variables, strict=True):
                    update_step(gradient, variable, learning_rate)

        optimizer._backend_update_step = update_each


def variable_numbers(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable]
) -> Callable[[Any], int]:
    """Return a function that gives the number of a variable, in the form `update_step` gets it.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Built for these variables.
    variables : sequence of keras.Variable
    """
    # On TensorFlow, `update_step` gets the variable of TensorFlow that one of Keras holds.
    numbers = {id(v): i for i, variable in enumerate(variables) for v in (variable, variable.value)}

    def number_of(variable: Any) -> int:
        if id(variable) in numbers:
            return numbers[id(variable)]
        return optimizer._get_variable_index(variable)  # with several devices it gets a copy

    return number_of
