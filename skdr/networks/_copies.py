"""Copies of layers and networks, with weights of their own."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from numpy.typing import NDArray


def innermost_layers(layer: keras.Layer) -> Iterator[keras.Layer]:
    """Yield a layer or, if it is a network itself, the layers in it at any depth."""
    inner = getattr(layer, "layers", [])
    if not inner:
        yield layer
    for each in inner:
        yield from innermost_layers(each)


def copy_network(
    network: keras.Model, weights: Sequence[NDArray[Any]] | None = None
) -> keras.Model:
    """Return a network of the same layers, with weights of its own.

    Parameters
    ----------
    network : keras.Model
    weights : sequence of arrays or tensors, optional
        By default those of the network.

    Raises
    ------
    ValueError
        If the class of a layer does not say how to make another one.
    """
    copied = keras.models.clone_model(network, clone_function=copy_layer)
    set_weights(copied, network.get_weights() if weights is None else weights)
    return copied


def clone_with(
    network: keras.Model, copy: Callable[[keras.Operation], keras.Operation]
) -> keras.Model:
    """Return a network of copies of the layers, each made by a function, without weights yet.

    An Identity gets its input and nothing else: the layer that it replaces may have been called
    with ``training=True``, which Keras would pass on to the layers behind it.
    """

    def call(layer: keras.Operation, *args: Any, **kwargs: Any) -> Any:
        if isinstance(layer, keras.layers.Identity):
            return layer(args[0] if args else kwargs["inputs"])
        return layer(*args, **kwargs)

    return keras.models.clone_model(network, clone_function=copy, call_function=call)


def idle(layer: keras.Layer) -> keras.Layer:
    """Return a layer that takes the place of another and does nothing."""
    return keras.layers.Identity(name=layer.name, dtype=layer.dtype_policy.name)


def copy_layer(layer: keras.Operation, **changes: Any) -> keras.Operation:
    """Return a layer with the same settings except `changes`, without weights yet.

    Raises
    ------
    ValueError
        If its class does not say how to make another one.
    """
    try:
        if type(layer) is keras.layers.Lambda:
            return _copy_lambda(layer, **changes)
        copied = type(layer).from_config({**layer.get_config(), **changes})
    except Exception as exc:
        raise ValueError(
            f"Layer {layer.name!r} cannot be copied, but skdr trains and runs a copy of the "
            f"network given: {_first_paragraph(exc)} {_cure(layer)}"
        ) from exc
    copied.name = layer.name  # some configs hold the first name of the layer, or none
    return copied


def set_weights(network: keras.Layer, weights: Sequence[NDArray[Any]]) -> None:
    """Set all weights of a network or layer, and let layers update what depends on them."""
    network.set_weights(weights)
    for layer in innermost_layers(network):
        if hasattr(layer, "finalize_state"):  # Normalization uses values computed from its weights
            layer.finalize_state()


def computes_in_floats(layer: keras.Operation) -> bool:
    """Return whether a layer computes in floating-point numbers of one precision."""
    policy: Any = getattr(layer, "dtype_policy", None)
    return type(policy) is keras.dtype_policies.DTypePolicy and "float" in policy.compute_dtype


def weights_are_float32(network: keras.Model) -> bool:
    """Return whether all weights of a network that are not whole numbers are float32."""
    kinds = {keras.backend.standardize_dtype(weight.dtype) for weight in network.weights}
    return not {kind for kind in kinds if "float" in kind} - {"float32"}


def _copy_lambda(layer: keras.layers.Lambda, **changes: Any) -> keras.layers.Lambda:
    """Return another layer with the same function, which would lose its globals in a config."""
    config = layer.get_config()
    settings = {name: config[name] for name in ("name", "trainable", "dtype")}
    if "output_shape" in config:
        is_function = isinstance(config["output_shape"], dict)
        settings["output_shape"] = (
            layer.compute_output_shape if is_function else config["output_shape"]
        )
    return keras.layers.Lambda(
        layer.function, mask=layer.mask, arguments=layer.arguments, **{**settings, **changes}
    )


def _cure(layer: keras.Operation) -> str:
    kind = type(layer)
    if kind is keras.layers.Lambda:
        return "Write a layer class of your own in place of Lambda."
    return (
        f"Give {kind.__module__}.{kind.__qualname__} a get_config() that returns every argument of "
        "its __init__."
    )


def _first_paragraph(exc: Exception) -> str:
    """Return what an error of Keras says before it lists everything it was given."""
    paragraphs = [" ".join(part.split()) for part in str(exc).split("\n\n")]
    return next((part for part in paragraphs if part), type(exc).__name__).rstrip(".") + "."
