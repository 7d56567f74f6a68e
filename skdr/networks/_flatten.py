"""Networks inside a network: each is replaced by its layers."""

from collections import Counter
from collections.abc import Callable, Iterator
from inspect import signature
from itertools import chain, count
from typing import Any

import keras

from skdr.networks._copies import computes_in_floats, copy_layer, copy_network, set_weights
from skdr.networks._graph import operations_of
from skdr.networks._names import automatic_name, has_automatic_name

Path = tuple[str, ...]


def is_network(layer: keras.Operation) -> bool:
    """Return whether a layer is a network, and Keras knows how its layers are connected."""
    if not isinstance(layer, keras.Function | keras.Sequential) or not has_inputs(layer):
        return False
    # A class with a `call` of its own may do more than call its layers.
    return calls_as_keras(layer)


def has_inputs(layer: keras.Layer) -> bool:
    """Return whether a model knows its inputs: a Sequential without an Input does not."""
    try:
        return bool(layer.inputs)
    except (AttributeError, ValueError):
        return False


def calls_as_keras(layer: keras.Layer) -> bool:
    """Return whether the `call` of a model is one of Keras's own."""
    kind = next(kind for kind in type(layer).__mro__ if "call" in vars(kind))
    return kind.__module__.split(".")[0] == "keras"


def innermost_operations(
    network: keras.Model, path: Path = ()
) -> Iterator[tuple[keras.Operation, Path]]:
    """Yield the operations of a network; networks in it are replaced by their operations.

    Parameters
    ----------
    network : keras.Model
    path : tuple of str, default=()
        Names of the networks around it.

    Yields
    ------
    operation : keras.Operation
    path : tuple of str
        Names of the networks that it is in, from the outermost to the innermost.
    """
    path = (*path, network.name)
    for operation in operations_of(network):
        if is_network(operation):
            yield from innermost_operations(operation, path)
        else:
            yield operation, path


def flattened(network: keras.Model, *, keep_weights: bool = True) -> keras.Model:
    """Copy a network; layers of networks inside it become layers of its own.

    Layers keep their names. Where two have the same name, the layer in an inner
    network gets the name of that network as a prefix. The name of an inner network
    goes to a layer that passes on its output.

    Parameters
    ----------
    network : keras.Model
        Only read.
    keep_weights : bool, default=True
        Whether the copy has the same weights; else it draws new ones.

    Returns
    -------
    flat : keras.Model

    Raises
    ------
    ValueError
        If the class of a layer does not say how to make another one.
    """
    inliner = _Inliner(network)
    flat = inliner.graph(network)
    for layer, copied in inliner.copied:
        # Training would not find the statistics that a Normalization has adapted to.
        if layer.weights and (keep_weights or isinstance(layer, keras.layers.Normalization)):
            set_weights(copied, layer.get_weights())
    # The layers also belong to copies of the inner networks; one more copy belongs to none of them.
    return copy_network(flat) if inliner.found_networks else flat


class _Inliner:
    """Copies each layer of a network, and of those inside it, once."""

    def __init__(self, network: keras.Model):
        self.copied: list[tuple[keras.Layer, keras.Layer]] = []
        self.found_networks = False
        self._copies: dict[int, Callable[..., Any]] = {}
        names = [op.name for op, _ in innermost_operations(network) if not has_automatic_name(op)]
        self._n_of_name = Counter([*names, *_names_of_networks(network)])
        self._taken: set[str] = set()

    def graph(self, network: keras.Model, path: Path = ()) -> keras.Model:
        """Copy one network, with the names of those around it."""

        def copy(layer: keras.Operation) -> Callable[..., Any]:
            if id(layer) not in self._copies:
                make = self._inlined if is_network(layer) else self._copy
                self._copies[id(layer)] = make(layer, path)
            return self._copies[id(layer)]

        plain = keras.Model(network.inputs, network.outputs, name=network.name)
        any_number = [keras.Input(t.shape[1:], dtype=t.dtype, name=t.name) for t in plain.inputs]
        return keras.models.clone_model(plain, input_tensors=any_number, clone_function=copy)

    def _copy(self, layer: keras.Operation, path: Path) -> Callable[..., Any]:
        copied = copy_layer(layer, **_in_float32(layer))
        copied.name = name = self._name(layer, path)
        if isinstance(layer, keras.Layer):
            self.copied.append((layer, copied))
        if not isinstance(layer, keras.Function):
            return copied
        # The `output` of such a model is that of the layers in it, not of this call of it.
        copied.name = self._unique(f"{name}_call")
        alias = keras.layers.Identity(name=name)
        return lambda *args, **kwargs: alias(copied(*args, **kwargs))

    def _inlined(self, network: keras.Model, path: Path) -> Callable[..., Any]:
        """Return a function that calls the layers of a network instead of the network."""
        self.found_networks = True
        graph = self.graph(network, (*path, network.name))
        alias = keras.layers.Identity(name=self._name(network, path))

        def run(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            in_mode = graph if training is None else _in_mode(graph, training)
            given = zip(keras.tree.flatten(inputs), graph.inputs, strict=True)
            entering = [t if t.dtype == i.dtype else keras.ops.cast(t, i.dtype) for t, i in given]
            outputs = keras.Function(in_mode.inputs, in_mode.outputs).call(entering)
            return alias(outputs[0]) if len(outputs) == 1 else outputs

        return run

    def _name(self, operation: keras.Operation, path: Path) -> str:
        name = operation.name
        if has_automatic_name(operation):
            name = automatic_name(operation)
        elif path and self._n_of_name[name] > 1:
            name = "_".join([*path, name])
        return self._unique(name)

    def _unique(self, name: str) -> str:
        numbered = (f"{name}_{number}" for number in count(1))
        unique = next(n for n in chain([name], numbered) if n not in self._taken)
        self._taken.add(unique)
        return unique


def _names_of_networks(network: keras.Model) -> Iterator[str]:
    for operation in operations_of(network):
        if is_network(operation):
            if not has_automatic_name(operation):
                yield operation.name
            yield from _names_of_networks(operation)


def _in_mode(graph: keras.Model, training: bool) -> keras.Model:
    """Return a network of the same layers, each called with ``training`` if it takes that."""

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        takes_it = isinstance(layer, keras.Layer) and "training" in signature(layer.call).parameters
        return layer(*args, **({"training": training} if takes_it else {}) | kwargs)

    return keras.models.clone_model(graph, clone_function=lambda layer: layer, call_function=call)


def _in_float32(layer: keras.Operation) -> dict[str, Any]:
    """Return the change of settings that makes a layer compute in float32, if one is needed."""
    changes = computes_in_floats(layer) and layer.dtype_policy.name != "float32"
    return {"dtype": "float32"} if changes else {}
