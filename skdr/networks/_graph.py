"""The operations of a network, in the order in which they run."""

import keras

_ALL = "operations"  # what Keras calls them


def operations_of(network: keras.Model) -> list[keras.Operation]:
    """Return the layers of a network, and what its maker wrote between them, such as ``x * 2``.

    Only the layers, where this version of Keras lists no operations.

    Parameters
    ----------
    network : keras.Model
    """
    found = getattr(network, _ALL, None)
    return list(network.layers) if found is None else list(found)


def random_states(network: keras.Model) -> list[keras.Variable]:
    """Return the random states of layers such as Dropout.

    Parameters
    ----------
    network : keras.Model
        Not compiled yet: the variables of metrics are no random states.
    """
    weights = {id(variable) for variable in network.weights}
    others = [variable for variable in network.variables if id(variable) not in weights]
    # A seed and a count of draws: two whole numbers, whose type depends on the backend.
    return [v for v in others if tuple(v.shape) == (2,) and "int" in str(v.dtype)]


def repeated_operations(network: keras.Model) -> set[str]:
    """Return the names of the operations that run several times on each image.

    Parameters
    ----------
    network : keras.Model
        Keras must know how its layers are connected.
    """
    layers = network.get_config()["layers"]
    return {layer["name"] for layer in layers if len(layer["inbound_nodes"]) > 1}
