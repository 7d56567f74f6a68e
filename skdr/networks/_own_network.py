"""Users' own networks: what they must be, and copies that nothing else shares."""

import inspect
import weakref
from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from skdr._fingerprint import code_fingerprint
from skdr.networks._backbones import BACKBONES
from skdr.networks._copies import weights_are_float32
from skdr.networks._flatten import (
    calls_as_keras,
    flattened,
    has_inputs,
    innermost_operations,
    is_network,
)
from skdr.networks._graph import operations_of

OwnNetwork: TypeAlias = keras.Model | Callable[[tuple[int, int, int]], keras.Model]
_adopted: weakref.WeakSet[keras.Model] = weakref.WeakSet()


def check_own_network(network: Any) -> None:
    """Raise an error that says what to do if a network cannot be used, whatever the images.

    Raises
    ------
    ValueError
        If it does not have exactly one input, of colour images, and one output.
    """
    name = f"backbone={network.name!r}"
    if isinstance(network, keras.Sequential) and not has_inputs(network):
        raise ValueError(
            f"{name} does not know its input yet: put keras.Input((height, width, 3)) before its "
            "first layer."
        )
    if not has_inputs(network) or not calls_as_keras(network):
        raise ValueError(
            f"{name} is of class {type(network).__name__}, whose own call() hides how its layers "
            "are connected. Wrap it: images = keras.Input((height, width, 3)); "
            "backbone = keras.Model(images, model(images))."
        )
    if len(network.inputs) != 1:
        raise ValueError(
            f"{name} has {len(network.inputs)} inputs, but only images are passed to it: give a "
            "keras.Model of one input that makes the others itself."
        )
    if len(network.outputs) != 1:
        raise ValueError(
            f"{name} has {len(network.outputs)} outputs, but features come from one: choose it, "
            "as in keras.Model(model.inputs, model.outputs[0])."
        )
    _check_input(name, tuple(network.inputs[0].shape))


def check_image_size(network: keras.Model, image_size: tuple[int, int]) -> None:
    """Raise an error if a network takes images of another size."""
    shape = tuple(network.inputs[0].shape[1:])
    if any(own not in (None, n) for own, n in zip(shape, (*image_size, 3), strict=True)):
        raise ValueError(
            f"backbone={network.name!r} takes images of shape {shape}, not {(*image_size, 3)}: "
            f"set image_size={shape[:2]}, or build it on keras.Input((None, None, 3))."
        )


def own_network(backbone: OwnNetwork, image_size: tuple[int, int]) -> keras.Model:
    """Return the network that was given, or that the user's function builds, checked.

    Raises
    ------
    TypeError
        If it is no Keras model.
    ValueError
        If it does not take such images.
    """
    network = backbone
    if not isinstance(backbone, keras.Model):
        _refuse_other_kinds(backbone)
        _check_arguments(backbone)
        network = backbone((*image_size, 3))
        if not isinstance(network, keras.Model):
            raise TypeError(f"backbone={backbone!r} returned {network!r}, not a keras.Model.")
    check_own_network(network)
    check_image_size(network, image_size)
    return network


def copy_of_own(
    network: keras.Model, image_size: tuple[int, int], *, keep_weights: bool
) -> keras.Model:
    """Copy a network; the layers of networks inside it become layers of its own.

    Raises
    ------
    ValueError
        If the class of a layer does not say how to make another one that computes the same.
    """
    copied = flattened(network, keep_weights=keep_weights)
    kinds = own_classes(network)
    if keep_weights and kinds and weights_are_float32(network):
        images = np.random.default_rng(0).uniform(0, 255, (1, *image_size, 3))
        if _same(network, network, images) and not _same(copied, network, images):
            names = " or ".join(kind.__qualname__ for kind in kinds)
            raise ValueError(
                f"A copy of backbone={network.name!r} computes something else: get_config() of "
                f"{names} must return every argument of __init__ that shapes the outputs."
            )
    return copied


def is_for_one(network: keras.Model) -> bool:
    """Return whether a network that a function built can be used without copying it."""
    is_new = network not in _adopted
    _adopted.add(network)
    plain = keras.Model(network.inputs, network.outputs)
    tensors = [t for op in operations_of(plain) for t in keras.tree.flatten(op.output)]
    try:
        keras.Function(network.inputs, tensors)
    except ValueError:  # some layers were also called for another network
        return False
    takes_any_number = network.inputs[0].shape[0] is None
    holds_no_network = not any(map(is_network, network.layers))
    return is_new and takes_any_number and holds_no_network and weights_are_float32(network)


def own_classes(network: keras.Model) -> list[type]:
    """Return the classes of layers that neither Keras nor skdr defines."""
    kinds = {type(operation) for operation, _ in innermost_operations(network)}
    return [kind for kind in kinds if kind.__module__.split(".")[0] not in ("keras", "skdr")]


def own_code(network: keras.Model) -> list[str]:
    """Return fingerprints of the user's own code in a network, sorted.

    Raises
    ------
    TypeError
        If that code holds something that cannot be hashed.
    """
    functions = [
        operation.function
        for operation, _ in innermost_operations(network)
        if isinstance(operation, keras.layers.Lambda)
    ]
    return sorted(code_fingerprint(code) for code in [*own_classes(network), *functions])


def _check_input(name: str, shape: tuple[int | None, ...]) -> None:
    if len(shape) == 4 and shape[3] in (3, None):
        return
    cure = "put layers before it that turn images into such arrays"
    if len(shape) == 4 and shape[3] == 1:
        cure = (
            "give keras.Model(images, model(keras.ops.mean(images, axis=-1, keepdims=True))) with "
            "images = keras.Input((height, width, 3))"
        )
    elif len(shape) == 4 and shape[1] == 3:
        cure = "build it after keras.config.set_image_data_format('channels_last')"
    raise ValueError(
        f"{name} takes arrays of shape {shape[1:]}, and images are (height, width, 3): {cure}."
    )


def _refuse_other_kinds(backbone: Any) -> None:
    """Raise an error for a callable that builds no network of Keras when it is called."""
    if isinstance(backbone, keras.Layer):
        raise TypeError(
            f"backbone={backbone!r} is a layer, not a network: images = keras.Input((height, "
            "width, 3)); backbone = keras.Model(images, layer(images))."
        )
    if inspect.isfunction(backbone) and (backbone.__module__ or "").split(".")[0] == "keras":
        name = backbone.__name__
        by_name = f"its name, backbone={name!r}, or " if name in BACKBONES else ""
        raise TypeError(
            f"backbone={name} is a function of Keras: give {by_name}a network that it builds, "
            "without its classes (include_top=False)."
        )
    libraries = {kind.__module__.split(".")[0] for kind in type(backbone).__mro__}
    for library in libraries & {"torch", "tf_keras"}:
        raise TypeError(
            f"backbone={type(backbone).__name__} is a network of {library}, and skdr runs networks "
            "of Keras 3: build it with keras.layers, or give a name of skdr.list_backbones()."
        )


def _check_arguments(backbone: Callable[..., Any]) -> None:
    """Raise an error for a function that cannot be called with the shape of the images alone."""
    try:
        takes = inspect.signature(backbone)
    except (TypeError, ValueError):  # Python cannot find out its arguments
        return
    try:
        takes.bind((0, 0, 3))
    except TypeError as exc:
        raise TypeError(
            f"backbone={backbone!r} must be a function of one argument, the shape of the images, "
            f"(height, width, 3): {exc}."
        ) from exc


def _same(one: keras.Model, other: keras.Model, images: NDArray[np.floating]) -> bool:
    tensor = keras.ops.convert_to_tensor(images, dtype="float32")
    outputs, expected = (
        keras.ops.convert_to_numpy(network(tensor, training=False)) for network in (one, other)
    )
    return np.allclose(outputs, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
