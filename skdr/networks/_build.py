"""Build a network on RGB images in 0..255 and load its weights."""

import hashlib
import os
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np

from skdr.devices import list_gpus, refuse_if_forked
from skdr.networks._augment import augments, without_augmentation
from skdr.networks._backbones import LAST, Backbone, find_backbone
from skdr.networks._copies import (
    computes_in_floats,
    copy_layer,
    innermost_layers,
)
from skdr.networks._efficientnet_lite import load_imagenet_weights
from skdr.networks._flatten import flattened, is_network
from skdr.networks._graph import operations_of
from skdr.networks._names import rename_automatic_names
from skdr.networks._own_network import (
    OwnNetwork,
    check_own_network,
    copy_of_own,
    is_for_one,
    own_network,
)
from skdr.networks._settings import float32_layers
from skdr.networks._unnormalised import warn_if_not_normalised
from skdr.networks._weights_file import download_failed, load_weights_file, weights_path

BackboneLike: TypeAlias = str | OwnNetwork
_DEFAULT_SIZE = 224


@keras.saving.register_keras_serializable(package="skdr")
class Normalisation(keras.layers.Layer):
    """Turn RGB in 0..255 into what a pretrained network was trained on.

    Parameters
    ----------
    mode : {"tf", "caffe", "torch", "lite"}
        Keras's names: ``"tf"`` scales to -1..1, ``"caffe"`` swaps to BGR and
        subtracts the ImageNet means, ``"torch"`` standardises by the ImageNet
        means and deviations; ``"lite"`` is ``(rgb - 127) / 128``.
    """

    _MEAN_SCALE = {
        "tf": (127.5, 127.5),
        "caffe": ((103.939, 116.779, 123.68), 1.0),
        "torch": (
            (0.485 * 255, 0.456 * 255, 0.406 * 255),
            (0.229 * 255, 0.224 * 255, 0.225 * 255),
        ),
        "lite": (127.0, 128.0),
    }

    def __init__(self, mode: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.mode = mode

    def call(self, images: Any) -> Any:
        mean, scale = self._MEAN_SCALE[self.mode]
        if self.mode == "caffe":
            images = keras.ops.flip(images, axis=-1)
        mean = keras.ops.convert_to_tensor(mean, dtype=images.dtype)
        return (images - mean) / keras.ops.convert_to_tensor(scale, dtype=images.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}


def default_image_size(backbone: BackboneLike) -> tuple[int, int]:
    """Return the height and width that a network was made for."""
    if isinstance(backbone, keras.Model):
        check_own_network(backbone)
        height, width = backbone.inputs[0].shape[1:3]
        return (height or _DEFAULT_SIZE, width or _DEFAULT_SIZE)
    size = find_backbone(backbone).image_size if isinstance(backbone, str) else _DEFAULT_SIZE
    return (size, size)


def smallest_image_size(backbone: BackboneLike) -> tuple[int, int]:
    """Return the smallest height and width that a network takes."""
    if not isinstance(backbone, str):
        return default_image_size(backbone)
    size = find_backbone(backbone).smallest_size
    return (size, size)


def is_own_code(backbone: BackboneLike) -> bool:
    """Return whether the user's function builds the network: it may draw random numbers."""
    return not isinstance(backbone, str | keras.Model)


def build_backbone(
    backbone: BackboneLike, weights: str | os.PathLike[str] | None, image_size: tuple[int, int]
) -> keras.Model:
    """Build a network that ends in its last feature map.

    Parameters
    ----------
    backbone : str, keras.Model or callable
        A name of `list_backbones`, a network on RGB images in 0..255, or a
        callable that takes the input shape (height, width, 3) and returns
        such a network. A given network is copied, never changed.
    weights : "imagenet", path or None
        ImageNet weights, a ``.weights.h5``, ``.h5`` or ``.keras`` file, or
        random weights. With ``"imagenet"`` a given network keeps its own
        weights.
    image_size : tuple of (height, width)

    Returns
    -------
    network : keras.Model
        On images of shape (None, height, width, 3), RGB in 0..255. Its
        automatic names do not depend on what was built before.

    Raises
    ------
    ValueError
        If the network is not known or does not take such images.
    WeightsNotFoundError
        If weights are not on this machine and cannot be downloaded.
    """
    refuse_if_forked()
    list_gpus()  # limits the GPU memory that TensorFlow takes, before it takes any
    path = weights_path(weights)
    with float32_layers():
        if isinstance(backbone, str):
            network = _build_named(find_backbone(backbone), weights, image_size)
            if path is not None:
                load_weights_file(network, path)
            network = flattened(network) if any(map(is_network, network.layers)) else network
        else:
            network = _build_own(backbone, weights, path, image_size)
        network = keras.Model(network.inputs, network.outputs, name=network.name)
        if operations_of(network)[-1].output is not network.outputs[0]:  # its last layer runs twice
            last = keras.layers.Identity(name=LAST)(network.outputs[0])
            network = keras.Model(network.inputs, last, name=network.name)
    rename_automatic_names(network)
    return network


def weights_hash(network: keras.Model) -> str:
    """Return ``"sha256:..."`` of all weights of a network, in order."""
    digest = hashlib.sha256()
    for weight in network.get_weights():
        digest.update(f"{weight.dtype}{weight.shape}".encode())
        digest.update(np.ascontiguousarray(weight).tobytes())
    return f"sha256:{digest.hexdigest()}"


def use_dtype(network: keras.Model, dtype: str) -> None:
    """Let a network compute in some precision; its weights stay float32."""
    policy = "float32" if dtype == "float32" else f"mixed_{dtype}"
    for layer in network.layers:
        for each in {layer, *innermost_layers(layer)}:
            if computes_in_floats(each):
                each.dtype_policy = policy


def initialise_kernels(network: keras.Model, initializer: Any, seed: int) -> None:
    """Draw every kernel of a network anew, reproducibly.

    Parameters
    ----------
    network : keras.Model
        Changed in place: its kernels, depthwise and pointwise kernels too.
    initializer : str or keras.initializers.Initializer
        The distribution: Keras's name for it, or an object with its parameters.
    seed : int
    """
    rng = np.random.default_rng(seed)
    template = keras.initializers.get(initializer)
    config = template.get_config()
    for weight in network.trainable_weights:
        if weight.path.rsplit("/", 1)[-1].endswith("kernel"):
            if "seed" in config:
                config["seed"] = int(rng.integers(2**31))
            weight.assign(type(template).from_config(config)(weight.shape, dtype=weight.dtype))


def _build_named(
    backbone: Backbone, weights: str | os.PathLike[str] | None, image_size: tuple[int, int]
) -> keras.Model:
    images = keras.Input((*image_size, 3), name="images")
    normalised = images
    if backbone.normalisation != "builtin":
        normalised = Normalisation(backbone.normalisation, name="normalisation")(images)
    pretrained = weights == "imagenet"
    try:
        network = backbone.build(normalised, "imagenet" if pretrained else None)
    except ValueError as exc:
        raise ValueError(f"{backbone.name} cannot take image_size={image_size}: {exc}") from exc
    except Exception as exc:
        raise download_failed(backbone.name, exc) from exc
    if pretrained and backbone.is_lite:
        load_imagenet_weights(network, backbone.name)
    return network


def _build_own(
    backbone: OwnNetwork,
    weights: str | os.PathLike[str] | None,
    path: Path | None,
    image_size: tuple[int, int],
) -> keras.Model:
    network = own_network(backbone, image_size)
    if weights is not None:  # random weights were trained on no range of numbers
        warn_if_not_normalised(network)
    if path is not None:
        # Files have the structure of the network as given, before inner networks are flattened.
        network = keras.models.clone_model(network, clone_function=copy_layer, recursive=True)
        load_weights_file(network, path)
    if isinstance(backbone, keras.Model) or not is_for_one(network):
        network = copy_of_own(network, image_size, keep_weights=weights is not None)
    return network


def exportable(network: keras.Model) -> keras.Model:
    """Return a network that takes and returns a plain tensor, and that Keras can export.

    Keras exports only models that were called, with inputs nested as in that call.
    """
    if augments(network):
        network = without_augmentation(network)
    (images,), (outputs,) = network.inputs, network.outputs
    result = keras.Model(images, outputs, name=network.name)
    result(images)
    return result
