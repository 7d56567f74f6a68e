"""Users' networks that end in the probabilities of their own classes."""

from collections.abc import Sequence
from functools import cached_property

import keras

from skdr._warnings import warn
from skdr.networks._backbones import ALL, LAST
from skdr.networks._graph import operations_of

_SQUASHING = (keras.activations.softmax, keras.activations.sigmoid)


def warn_if_probabilities(network: keras.Model, layer: str | Sequence[str] | None = None) -> None:
    """Warn if the features are the probabilities of the classes that a network was trained on.

    Parameters
    ----------
    network : keras.Model
        As `build_backbone` returns it.
    layer : str or sequence of str, optional
        The parameter that says where features are taken: only with ``"last"`` and
        ``"all"`` may the user not expect probabilities. None where there is none.
    """
    names = [LAST] if layer is None else [layer] if isinstance(layer, str) else layer
    if LAST not in names and ALL not in names:
        return
    last, before = operations_of(network)[-1], _Producers(network)
    while isinstance(last, keras.layers.Identity) and before[last]:  # stands for an inner network
        last = before[last]
    if not _is_squashing(last) or len(last.output.shape) != 2:
        return
    source = before.classifying_layer(last)
    name = source.name if source else "..."
    if layer is None:
        cure = f"Give keras.Model(model.inputs, model.get_layer({name!r}).output)."
    else:
        cure = (
            f"Set layer={name!r} for the features that they are computed from, or "
            f"layer={last.name!r} if you want the probabilities."
        )
    warn(
        f"backbone={network.name!r} ends in {last.output.shape[-1]} probabilities of classes of "
        f"its own, and only these would be used. {cure}"
    )


class _Producers:
    """For each operation of a network, the one that makes its input, if it is only one."""

    def __init__(self, network: keras.Model):
        self._network = network

    @cached_property
    def _of(self) -> dict[keras.Operation, list[keras.Operation | None]]:
        network = self._network
        made = {id(t): op for op in operations_of(network) for t in keras.tree.flatten(op.output)}
        return {op: [made.get(id(t)) for t in _inputs(op)] for op in operations_of(network)}

    def __getitem__(self, operation: keras.Operation) -> keras.Operation | None:
        producers = self._of[operation]
        return producers[0] if len(producers) == 1 else None

    def classifying_layer(self, operation: keras.Operation) -> keras.Operation | None:
        """Return what makes the input of the last layer with weights; None if that is an image."""
        found: keras.Operation | None = operation
        while found is not None and not getattr(found, "weights", []):
            found = self[found]
        source = found and self[found]
        return None if isinstance(source, keras.layers.InputLayer) else source


def _inputs(operation: keras.Operation) -> list[keras.KerasTensor]:
    """Return what an operation gets the first time that it runs."""
    try:
        return keras.tree.flatten(operation.input)
    except (AttributeError, ValueError):  # it runs several times
        return []


def _is_squashing(operation: keras.Operation) -> bool:
    """Return whether an operation ends in a softmax or sigmoid."""
    if isinstance(operation, keras.layers.Dense | keras.layers.Activation):
        return operation.activation in _SQUASHING
    return type(operation).__name__ in ("Softmax", "Sigmoid")  # of keras.layers or keras.ops
