"""Which layers of a classifier learn, and at what share of the learning rate."""

import functools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import keras

from skdr._warnings import warn
from skdr.networks._backbones import find_backbone, find_operation
from skdr.networks._build import BackboneLike
from skdr.networks._copies import innermost_layers
from skdr.networks._graph import operations_of
from skdr.networks._head import STANDARDISE, STANDARDISE_PIXELS
from skdr.networks._names import did_you_mean
from skdr.networks._taps import tap_pattern

Trainable = str | int


@dataclass(frozen=True)
class Learning:
    """Which weights of a classifier learn, and at what share of the learning rate.

    Attributes
    ----------
    first_trainable : int
        Index, in `operations_of(classifier)`, of the first operation that learns.
    scales : mapping of str to float
        Share of the learning rate of each weight, by path; 1 where missing.
    head_kernels : collection of str
        Paths of the kernels of the head.
    """

    first_trainable: int
    scales: Mapping[str, float]
    head_kernels: Collection[str]


def what_learns(
    classifier: keras.Model, backbone: BackboneLike, trainable: Trainable, layer_decay: float
) -> Learning:
    """Return which weights of a classifier learn.

    Parameters
    ----------
    classifier : keras.Model
        As `add_head` returns it.
    backbone : str, keras.Model or callable
        What it was built from: a name brings its named taps.
    trainable : {"all", "head"}, int or str
        See `first_learning`.
    layer_decay : float
        See `learning_rate_scales`.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    if not has_standardised_features(classifier):  # of random weights: no block is special
        return Learning(0, {}, ())
    blocks = learning_blocks(classifier, backbone)
    return Learning(
        first_learning(blocks, backbone, trainable),
        learning_rate_scales(blocks, layer_decay),
        [op.kernel.path for op in blocks[-1] if isinstance(op, keras.layers.Dense)],
    )


def has_standardised_features(classifier: keras.Model) -> bool:
    """Return whether the head of a classifier begins with standardised features."""
    return any(layer.name == STANDARDISE for layer in classifier.layers)


def learning_blocks(classifier: keras.Model, backbone: BackboneLike) -> list[list[keras.Operation]]:
    """Cut a classifier into blocks, from early to late; the last is the head.

    Parameters
    ----------
    classifier : keras.Model
        As `add_head` returns it, with standardised features.
    backbone : str, keras.Model or callable
        A named network has a block between each two of its taps; in any
        other, each layer with weights ends a block.

    Returns
    -------
    blocks : list of lists of operations
    """
    operations = operations_of(classifier)
    names = [operation.name for operation in operations]
    below, head = operations[: names.index(STANDARDISE)], operations[names.index(STANDARDISE) :]
    ends = _block_ends(classifier, below, backbone)
    blocks: list[list[keras.Operation]] = [[]]
    for operation in below:
        blocks[-1].append(operation)
        if operation in ends:
            blocks.append([])
    if not _has_weights(blocks[-1]) and len(blocks) > 1:
        blocks[-2].extend(blocks.pop())  # pooling and the like belong to the last block
    return [*blocks, head]


def first_learning(
    blocks: Sequence[Sequence[keras.Operation]], backbone: BackboneLike, trainable: Trainable
) -> int:
    """Return the index, in `operations_of(classifier)`, of the first operation that learns.

    Parameters
    ----------
    blocks : sequence of sequences of operations
        See `learning_blocks`.
    backbone : str, keras.Model or callable
        What the classifier was built from: a name brings its named taps.
    trainable : {"all", "head"}, int or str
        Everything; the head alone; the head and that many blocks below it; or
        everything after a named tap or layer.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    *below, _head = blocks
    if trainable == "all":
        return 0
    if trainable == "head":
        trainable = 0
    if not isinstance(trainable, str):
        return sum(len(block) for block in below[: max(0, len(below) - trainable)])
    names = [operation.name for block in below for operation in block]
    pattern = tap_pattern(backbone, trainable)
    matches = [i for i, name in enumerate(names) if re.fullmatch(pattern, name)]
    if not matches:
        raise ValueError(
            f"trainable={trainable!r} is not a layer below the head."
            f"{did_you_mean(trainable, names)} Use 'all', 'head', a "
            f"number of blocks (there are {len(below)}), or the name of a tap or layer."
        )
    return matches[-1] + 1


def warn_if_head_alone_learns(
    classifier: keras.Model,
    backbone: BackboneLike,
    trainable: Trainable,
    *,
    update_batch_norm: bool,
) -> None:
    """Warn if no layer below the head learns in a phase that is meant to fine-tune some.

    Parameters
    ----------
    classifier : keras.Model
    backbone : str, keras.Model or callable
    trainable : "all", int or str
        See `what_learns`.
    update_batch_norm : bool
        Whether BatchNorm layers learn.
    """
    blocks = learning_blocks(classifier, backbone)
    first, (*below, _head) = first_learning(blocks, backbone, trainable), blocks
    learning = [op for block in below for op in block][first:]
    if any(_can_learn(op, update_batch_norm) for op in learning):
        return
    which, cure = "none of its layers has", "Set"
    if isinstance(trainable, int):
        which = f"the last {trainable} layers with weights have no"
        cure = "Give a larger number or the name of a layer, or set"
    elif trainable != "all":
        which = f"the layers after {trainable!r} have no"
        cure = "Name an earlier layer or a number of blocks, such as trainable=2, or set"
    has_batch_norm = any(_batch_norms(op) for op in learning if isinstance(op, keras.Layer))
    stored = "; BatchNorm layers keep theirs with batch_norm='stored'" * has_batch_norm
    warn(
        f"trainable={trainable!r} trains nothing but the head: {which} weights that learn{stored}. "
        f"{cure} trainable='head' if that is what you want."
    )


def set_trainable(classifier: keras.Model, first: int, *, update_batch_norm: bool) -> None:
    """Let the layers from one operation on learn, and no others.

    BatchNorm layers whose statistics are not to be updated do not learn at
    all: Keras runs a frozen one in inference mode.
    """
    fixed = (STANDARDISE, STANDARDISE_PIXELS)
    for index, operation in enumerate(operations_of(classifier)):
        if not isinstance(operation, keras.Layer):
            continue
        operation.trainable = index >= first and operation.name not in fixed
        if not update_batch_norm:
            for layer in _batch_norms(operation):
                layer.trainable = False


def speed_up_batch_norm(network: keras.Model, momentum: float = 0.9) -> None:
    """Let the statistics of BatchNorm layers follow the data within dozens of steps.

    With the usual momentum of 0.99 or more it takes hundreds of steps. Training
    on few images has not so many: its stored statistics would stay near those
    of the start.
    """
    for layer in _batch_norms(network):
        layer.momentum = min(layer.momentum, momentum)


def part_between(classifier: keras.Model, first: int, end: int | None = None) -> keras.Model | None:
    """Cut out the operations from one on, up to another.

    Parameters
    ----------
    classifier : keras.Model
        Its layers are shared with the part.
    first, end : int
        Indices in `operations_of(classifier)`; None is the end of them.

    Returns
    -------
    part : keras.Model or None
        Takes what enters operation `first`, 0 being the images, and returns
        what enters operation `end`. None where more than one tensor enters.
    """
    operations = operations_of(classifier)
    inputs = operations[first - 1].output if first else classifier.inputs
    outputs = classifier.outputs if end is None else operations[end - 1].output
    try:
        part = keras.Model(inputs, outputs)
        if not _keras_checks_models():
            shape = (1, *part.inputs[0].shape[1:])
            part.compute_output_spec([keras.KerasTensor(shape, part.inputs[0].dtype)])
    except (ValueError, KeyError):  # a shortcut leads around the boundary
        return None
    return part


def learning_rate_scales(
    blocks: Sequence[Sequence[keras.Operation]], layer_decay: float
) -> dict[str, float]:
    """Return the share of the learning rate of each weight, by its path.

    The head learns at the full rate, the block below it at `layer_decay`
    times that, the next at `layer_decay` squared, and so on.
    """
    scales = {}
    for depth, block in enumerate(reversed(blocks)):
        for operation in block:
            for weight in getattr(operation, "weights", []):
                scales[weight.path] = layer_decay**depth
    return scales


@functools.cache
def _keras_checks_models() -> bool:
    """Return whether Keras refuses a model whose outputs need more than its inputs."""
    start = keras.Input((1,))
    middle = keras.layers.Identity()(start)
    try:
        keras.Model(middle, keras.layers.Add()([start, middle]))
    except ValueError:
        return True
    return False  # such as Keras 3.8


def _block_ends(
    classifier: keras.Model, below: Sequence[keras.Operation], backbone: BackboneLike
) -> set[keras.Operation]:
    if not isinstance(backbone, str):
        return {op for op in below if _has_weights([op])}
    patterns = find_backbone(backbone).taps.values()
    return {op for p in patterns if (op := find_operation(classifier, p)) is not None}


def _batch_norms(layer: keras.Layer) -> list[keras.Layer]:
    """Return a layer if it is a BatchNorm, or those in it if it is a network itself."""
    layers = innermost_layers(layer)
    return [found for found in layers if isinstance(found, keras.layers.BatchNormalization)]


def _can_learn(operation: keras.Operation, update_batch_norm: bool) -> bool:
    """Return whether training may change weights of an operation."""
    if not isinstance(operation, keras.Layer):
        return False
    fixed: tuple[type, ...] = (keras.layers.Normalization,)
    if not update_batch_norm:
        fixed += (keras.layers.BatchNormalization,)
    layers = innermost_layers(operation)
    return any(layer.weights and not isinstance(layer, fixed) for layer in layers)


def _has_weights(operations: Sequence[keras.Operation]) -> bool:
    return any(getattr(operation, "weights", []) for operation in operations)
