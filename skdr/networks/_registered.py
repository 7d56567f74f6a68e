"""What a saved network needs of the user's own code, to be loaded again."""

import builtins
from types import CodeType, FunctionType
from typing import Any

import keras

from skdr.networks._flatten import innermost_operations

_PLAIN = (bool, int, float, str, type(None))


def refuse_unregistered(network: keras.Model, *, lambdas: bool = False) -> None:
    """Call before a network is pickled or saved, which Keras does without its code.

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
    """Return why Keras would not make an operation again, and what helps; "" if it would."""
    kind = type(operation)
    if kind is keras.layers.Lambda:
        if _is_restored(operation.function, lambdas):
            return ""
        return (
            f"its Lambda layer {operation.name!r} holds code. Write a layer class of your own "
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


def _is_restored(function: Any, lambdas: bool) -> bool:
    """Return whether Keras makes the function of a Lambda layer again."""
    if not isinstance(function, FunctionType) or function.__name__ != "<lambda>":
        return _is_registered(function) or _is_of_keras(function)
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    is_plain = all(isinstance(value, _PLAIN) for value in held)
    return not lambdas and is_plain and not _global_names(function.__code__, function.__globals__)


def _is_of_keras(function: Any) -> bool:
    return getattr(function, "__module__", "").split(".")[0] == "keras"


def _global_names(code: CodeType, scope: dict[str, Any]) -> set[str]:
    """Return the global names that a function uses, which its code alone does not bring."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    names = {name for name in code.co_names if name in scope and not hasattr(builtins, name)}
    return names.union(*(_global_names(each, scope) for each in inner))
