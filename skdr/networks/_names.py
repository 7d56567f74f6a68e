"""Names of layers: those that Keras gives are made independent of what was built before."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable

import keras

from skdr.networks._graph import operations_of


def rename_automatic_names(network: keras.Model) -> None:
    """Renumber the layers that Keras named by itself, from the start of this network.

    Keras counts ``add``, ``add_1``, ... over everything that a process has built.
    """
    counts: Counter[str] = Counter()
    for operation in operations_of(network):
        if re.fullmatch(r"(input_layer|keras_tensor)(_\d+)?", operation.name):
            operation.name = "images"
        automatic = automatic_name(operation)
        if has_automatic_name(operation):
            number = counts[automatic]
            counts[automatic] += 1
            operation.name = f"{automatic}_{number}" if number else automatic


def has_automatic_name(operation: keras.Operation) -> bool:
    """Return whether an operation has a name that Keras might have given to it."""
    return bool(re.fullmatch(rf"{automatic_name(operation)}(_\d+)?", operation.name))


def automatic_name(operation: keras.Operation) -> str:
    """Return the name that Keras gives to the first operation of a class."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", type(operation).__name__)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'this'?" if a name is close to a known one; else ""."""
    by_lower = {each.lower(): each for each in known}
    # The name of a layer may begin with those of the networks around it.
    near = [lower for lower in by_lower if lower.endswith(f"_{name.lower()}")][:3]
    near = near or difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    names = " or ".join(repr(by_lower[match]) for match in near)
    return f" Did you mean {names}?" if near else ""
