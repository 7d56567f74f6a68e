"""Build a network on RGB images in 0..255 and load its weights."""

import hashlib
import os
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
from keras.src.random import seed_generator  # no public name leads there

from skdr.exceptions import WeightsNotFoundError
from skdr.networks._backbones import Backbone, find_backbone
from skdr.networks._efficientnet_lite import load_imagenet_weights
from skdr.networks._fork import refuse_if_forked
from skdr.networks._gpu import list_gpus

BackboneLike: TypeAlias = str | keras.Model | Callable[[tuple[int, int, int]], keras.Model]
_DEFAULT_SIZE = 224
_drawing = threading.RLock()
_WEIGHT_FILES = (".weights.h5", ".h5", ".keras")


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
        height, width = backbone.input_shape[1:3]
        return (height or _DEFAULT_SIZE, width or _DEFAULT_SIZE)
    size = find_backbone(backbone).image_size if isinstance(backbone, str) else _DEFAULT_SIZE
    return (size, size)


def smallest_image_size(backbone: BackboneLike) -> tuple[int, int]:
    """Return the smallest height and width that a network takes."""
    if not isinstance(backbone, str):
        return default_image_size(backbone)
    size = find_backbone(backbone).smallest_size
    return (size, size)


def innermost_layers(layer: keras.Layer) -> Iterator[keras.Layer]:
    """Yield a layer, or those in it, however deep, if it is a network itself."""
    inner = getattr(layer, "layers", [])
    if not inner:
        yield layer
    for each in inner:
        yield from innermost_layers(each)


def is_own_code(backbone: BackboneLike) -> bool:
    """Return whether a function of the user's builds the network, and may draw what it likes."""
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
        random weights. A given network brings its own in place of
        ``"imagenet"``.
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
    list_gpus()  # before anything is in their memory
    path = _weights_path(weights)
    if isinstance(backbone, str):
        network = _build_named(find_backbone(backbone), weights, image_size)
    else:
        network = _copy_of_own(backbone, weights, image_size)
    if path is not None:
        _load_weights_file(network, path)
    network = keras.Model(network.inputs, network.outputs, name=network.name)
    rename_automatic_names(network)
    return network


@contextmanager
def keras_seed(seed: int) -> Iterator[None]:
    """Make what Keras draws reproducible, and give the global generator back as it was.

    Keras seeds initializers and dropout from Python's global generator, from which
    other threads draw too: those of a server, or of a worker of dask. It gets one of
    its own. The global one is seeded as well, for the code of a user's network.
    Other threads that build networks here wait.
    """
    with _drawing:
        state, source = random.getstate(), seed_generator.python_random
        random.seed(seed)
        seed_generator.python_random = random.Random(seed)
        try:
            yield
        finally:
            seed_generator.python_random = source
            random.setstate(state)


def weights_hash(network: keras.Model) -> str:
    """Return ``"sha256:..."`` of all weights of a network, in order."""
    digest = hashlib.sha256()
    for weight in network.get_weights():
        digest.update(f"{weight.dtype}{weight.shape}".encode())
        digest.update(np.ascontiguousarray(weight).tobytes())
    return f"sha256:{digest.hexdigest()}"


def use_dtype(network: keras.Model, dtype: str) -> None:
    """Let a network compute in some precision; its weights stay float32."""
    if dtype != "float32":
        for layer in network.layers:
            layer.dtype_policy = f"mixed_{dtype}"


def initialise_kernels(network: keras.Model, initializer: Any, seed: int) -> None:
    """Draw every kernel of a network anew, reproducibly.

    Parameters
    ----------
    network : keras.Model
        Changed in place: its kernels, depthwise and pointwise kernels too.
    initializer : str or keras.initializers.Initializer
        Keras's name of the distribution, or one whose parameters are used.
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
        raise _download_failed(backbone.name, exc) from exc
    if pretrained and backbone.is_lite:
        load_imagenet_weights(network, backbone.name)
    return network


def _copy_of_own(
    backbone: keras.Model | Callable[[tuple[int, int, int]], keras.Model],
    weights: str | os.PathLike[str] | None,
    image_size: tuple[int, int],
) -> keras.Model:
    if isinstance(backbone, keras.Model):
        network = keras.models.clone_model(backbone)
        if weights is not None:
            network.set_weights(backbone.get_weights())
    else:
        network = backbone((*image_size, 3))
        if not isinstance(network, keras.Model):
            raise TypeError(f"backbone={backbone!r} returned {network!r}, not a keras.Model.")
    if not getattr(network, "inputs", None) or len(network.outputs) != 1:
        raise ValueError(
            f"backbone={network.name!r} must be a Functional or Sequential model with one input "
            "and one output."
        )
    expected = network.input_shape[1:]
    if len(expected) != 3 or any(
        n not in (None, m) for n, m in zip(expected, (*image_size, 3), strict=True)
    ):
        raise ValueError(
            f"backbone takes images of shape {expected}, not {(*image_size, 3)}; set image_size."
        )
    return network


def _weights_path(weights: str | os.PathLike[str] | None) -> Path | None:
    if weights is None or weights == "imagenet":
        return None
    path = Path(weights)
    if not path.name.endswith(_WEIGHT_FILES):
        raise ValueError(
            f"weights={str(weights)!r} is not known. Use 'imagenet', None (random) or the path "
            f"of a file that ends in {', '.join(_WEIGHT_FILES)}."
        )
    if not path.is_file():
        raise WeightsNotFoundError(f"weights={str(path)!r}: no such file in {path.parent}.")
    return path


def _load_weights_file(network: keras.Model, path: Path) -> None:
    misfit = f"weights={str(path)!r} do not fit {network.name!r} without its classes"
    # Keras may leave weights that it does not find as they were, with a warning.
    network.set_weights([np.full_like(weight, np.nan) for weight in network.get_weights()])
    try:
        if path.suffix == ".keras":
            network.set_weights(keras.saving.load_model(path, compile=False).get_weights())
        else:
            network.load_weights(path)
    except Exception as exc:
        raise ValueError(f"{misfit} (include_top=False): {exc}") from exc
    missing = [v.path for v in network.weights if np.isnan(keras.ops.convert_to_numpy(v)).any()]
    if missing:
        raise ValueError(
            f"{misfit} (include_top=False): {len(missing)} weights are not in the file, "
            f"{missing[0]!r} the first."
        )


def _download_failed(name: str, exc: Exception) -> WeightsNotFoundError:
    url = re.search(r"https?://\S+?\.h5", str(exc))
    file = url[0].rsplit("/", 1)[-1] if url else f"the weights of {name}"
    home = os.environ.get("KERAS_HOME", os.path.join(os.path.expanduser("~"), ".keras"))
    return WeightsNotFoundError(
        f"The ImageNet weights of {name} are not on this machine and could not be downloaded "
        f"({exc}). Without a network: put the file {file!r} into {os.path.join(home, 'models')}, "
        f"where Keras looks for it; or set weights= to the path of a copy; or use "
        f"backbone='EfficientNetLite0', whose weights are installed with skdr."
    )


def rename_automatic_names(network: keras.Model) -> None:
    """Give layers that Keras named by itself numbers from the start of this network.

    Keras counts ``add``, ``add_1``, ... over all that a process ever built.
    """
    counts: Counter[str] = Counter()
    for operation in network.operations:
        if re.fullmatch(r"(input_layer|keras_tensor)(_\d+)?", operation.name):
            operation.name = "images"
        automatic = _snake_case(type(operation).__name__)
        if re.fullmatch(rf"{automatic}(_\d+)?", operation.name):
            number = counts[automatic]
            counts[automatic] += 1
            operation.name = f"{automatic}_{number}" if number else automatic


def _snake_case(name: str) -> str:
    """Return the name that Keras gives to the first layer of a class."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def network_state(network: keras.Model) -> dict[str, Any]:
    """Return a network as text and arrays."""
    return {"config": network.to_json(), "weights": network.get_weights()}


def network_from_state(state: Mapping[str, Any]) -> keras.Model:
    """Build a network from what `network_state` returned, in Keras's safe mode.

    Raises
    ------
    ValueError
        If it holds code, as a Lambda layer does.
    """
    network = keras.models.model_from_json(state["config"])
    network.set_weights(state["weights"])
    return network


def exportable(network: keras.Model) -> keras.Model:
    """Return a network that takes and gives a plain tensor, and that Keras will export.

    Keras exports what has been called, with inputs as nested as they were given.
    """
    (images,), (outputs,) = network.inputs, network.outputs
    result = keras.Model(images, outputs, name=network.name)
    result(images)
    return result
