"""What a saved network needs from the user's own code, to be loaded again."""

import builtins
from types import FunctionType
from typing import Any

import keras

from skdr._fingerprint import global_names
from skdr.networks._flatten import innermost_operations

_PLAIN = (bool, int, float, str, type(None))


def refuse_unregistered(network: keras.Model, *, lambdas: bool = False) -> None:
    """Raise an error for a network that could be saved, but not loaded again.

    Keras saves and pickles a network without the code of its layers.

    Parameters
    ----------
    network : keras.Model
    lambdas : bool, default=False
        Whether code of Lambda layers is refused altogether, as Keras does in its safe mode.

    Raises
    ------
    ValueError
        If a layer could not be made again.
    """
    for operation, _ in innermost_operations(network):
        reason = _reason(operation, lambdas)
        if reason:
            raise ValueError(
                f"Network {network.name!r} cannot be pickled, saved or sent to another process: "
                f"{reason}"
            )


def _reason(operation: keras.Operation, lambdas: bool) -> str:
    """Return why Keras could not make an operation again, and what helps; "" if it could."""
    kind = type(operation)
    if kind is keras.layers.Lambda:
        missing = _what_is_lost(operation.function, lambdas)
        return missing and (
            f"its Lambda layer {operation.name!r} holds {missing}. Write a layer class of your own "
            "in place of it, below @keras.saving.register_keras_serializable()."
        )
    if kind.__module__.split(".")[0] == "keras" or _is_registered(kind):
        return ""
    return (
        f"its layer {operation.name!r} is of class {kind.__qualname__}, which Keras does not know. "
        "Write @keras.saving.register_keras_serializable() above that class, in a module that is "
        "imported wherever the network is loaded."
    )


def _is_registered(code: Any) -> bool:
    return keras.saving.get_registered_object(keras.saving.get_registered_name(code)) is code


def _what_is_lost(function: Any, lambdas: bool) -> str:
    """Return why Keras could not make the function of a Lambda layer again; "" if it could."""
    if not isinstance(function, FunctionType) or function.__name__ != "<lambda>":
        is_found = _is_registered(function) or _is_of_keras(function)
        return "" if is_found else "code that Keras does not know"
    if lambdas:
        return "code, which Keras does not load in its safe mode"
    code, scope = function.__code__, function.__globals__
    for name in global_names(code):
        if name in scope and not hasattr(builtins, name):
            return f"code that uses the global name {name!r}, which is not saved with it"
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        if not isinstance(cell.cell_contents, _PLAIN):
            return f"code that uses {name!r}, a {type(cell.cell_contents).__name__}"
    return ""


def _is_of_keras(function: Any) -> bool:
    return getattr(function, "__module__", "").split(".")[0] == "keras"
