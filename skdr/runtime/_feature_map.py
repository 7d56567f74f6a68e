"""A network split at one of its feature maps, to see how scores depend on the map."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from skdr.networks import BackboneLike
from skdr.networks._backbones import LAST, find_operation
from skdr.networks._graph import operations_of, repeated_operations
from skdr.networks._taps import tap_pattern
from skdr.runtime._forward import gradient


class SplitNetwork:
    """A network, split behind a feature map.

    Parameters
    ----------
    network : keras.Model
        From images to features. Its layers keep traces of the split: give
        one that nothing else uses.
    feature_map : keras.Operation
        See `find_feature_map`.
    """

    def __init__(self, network: keras.Model, feature_map: keras.Operation):
        entering = [feature_map.output, *_tensors_that_pass_by(network, feature_map)]
        self._below = keras.Model(network.inputs[0], entering)
        self._above = keras.Model(entering, network.outputs[0])

    def __call__(
        self, images: NDArray[Any], coef: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the feature maps of some images, and the gradients of a score there.

        Parameters
        ----------
        images : ndarray of shape (n, height, width, 3)
            RGB in 0..255.
        coef : ndarray of shape (n, n_features)
            The score of each image is the sum of its features times these.

        Returns
        -------
        maps, gradients : ndarrays of shape (n, rows, columns, n_channels)
            The gradient of each image's score with respect to its map.
        """
        entering = self._below(images.astype(np.float32), training=False)
        feature_map, *others = keras.tree.flatten(entering)
        weights = np.asarray(coef, dtype=np.float32)

        def total_score(tensor: Any) -> Any:
            features = self._above([tensor, *others], training=False)
            return keras.ops.sum(keras.ops.cast(features, "float32") * weights)

        maps = keras.ops.convert_to_numpy(keras.ops.cast(feature_map, "float32"))
        return maps, gradient(total_score, feature_map)


def find_feature_map(
    network: keras.Model, backbone: BackboneLike, layer: str | None
) -> keras.Operation:
    """Return the operation that makes a feature map.

    Parameters
    ----------
    network : keras.Model
    backbone : str, keras.Model or callable
        What it was built from: a name brings its named taps.
    layer : str or None
        A named tap or the name of a Keras layer; None, as ``"last"``, is the
        last feature map of the network.

    Raises
    ------
    ValueError
        If there is none, it has but one pixel, or the layer makes several.
    """
    repeated = repeated_operations(network)
    maps = [op for op in operations_of(network) if _makes_map(op) and op.name not in repeated]
    operation = maps[-1] if maps else None
    if layer not in (None, LAST):
        operation = find_operation(network, tap_pattern(backbone, layer))
    if operation is not None and operation.name in repeated:
        raise ValueError(
            f"Layer {operation.name!r} of {network.name!r} runs several times on each image and "
            f"makes several feature maps. Set layer= to another: {[op.name for op in maps[-5:]]}."
        )
    if operation is None or operation not in maps:
        named = "" if layer is None else f"layer={layer!r} is no feature map. "
        raise ValueError(
            f"{named}Give a layer whose output is (images, rows, columns, channels); the last such "
            f"layers of {network.name!r} are {[op.name for op in maps[-5:]]}."
        )
    rows, columns = operation.output.shape[1:3]
    if rows == columns == 1:
        raise ValueError(
            f"The feature map of layer {operation.name!r} has one pixel and cannot show where "
            "something is. Set layer= to an earlier one, or fit with a larger image_size."
        )
    return operation


def _makes_map(operation: keras.Operation) -> bool:
    is_input = isinstance(operation, keras.layers.InputLayer)
    tensors = keras.tree.flatten(operation.output)
    return not is_input and len(tensors) == 1 and len(tensors[0].shape) == 4


def _tensors_that_pass_by(
    network: keras.Model, feature_map: keras.Operation
) -> list[keras.KerasTensor]:
    """Return tensors made before a feature map and used behind it, such as a shortcut."""
    operations = operations_of(network)
    index = operations.index(feature_map)
    made_before = {id(t): t for op in operations[:index] for t in keras.tree.flatten(op.output)}
    taken_behind = [t for op in operations[index + 1 :] for t in keras.tree.flatten(op.input)]
    return list({id(t): t for t in taken_behind if id(t) in made_before}.values())
