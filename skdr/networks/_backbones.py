"""The table of pretrained networks: what each is called, how it is built, where it is tapped."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import keras

from skdr.networks._efficientnet_lite import build_efficientnet_lite
from skdr.networks._graph import operations_of
from skdr.networks._names import did_you_mean

Taps = dict[str, str]
# Names that stand for the output of a network, and for all its taps.
LAST, ALL = "last", "all"


@dataclass(frozen=True)
class Backbone:
    """What skdr knows about one network.

    Attributes
    ----------
    name : str
        The name in Keras, or ``"EfficientNetLite0"`` and its sisters.
    image_size : int
        Side of the square images that it was trained on, in pixels.
    normalisation : {"tf", "caffe", "torch", "lite", "builtin"}
        What it expects of its input, see `Normalisation`. ``"builtin"``
        networks take 0..255 and normalise by themselves.
    taps : dict of str to str
        Named points from early to late, each with a pattern: the point is the
        output of the last operation whose name matches it in full.
    smallest_size : int
        Side of the smallest images that it takes.
    """

    name: str
    image_size: int
    normalisation: str
    taps: Taps
    smallest_size: int = 32

    @property
    def is_lite(self) -> bool:
        return self.normalisation == "lite"

    def build(self, input_tensor: keras.KerasTensor, weights: str | None) -> keras.Model:
        """Build the network without its classes on normalised images."""
        if self.is_lite:
            return build_efficientnet_lite(self.name, input_tensor)
        builder: Callable[..., keras.Model] = getattr(keras.applications, self.name)
        return builder(
            include_top=False,
            weights=weights,
            input_tensor=input_tensor,
            input_shape=tuple(input_tensor.shape[1:]),
        )


def _convnext_taps(depths: tuple[int, ...]) -> Taps:
    """Tap the residual sums that end a stage; Keras numbers them through all stages."""
    n_sums = [sum(depths[: stage + 1]) for stage in range(len(depths))]
    return {f"stage{stage}": f"add_{n - 1}" for stage, n in enumerate(n_sums)}


def _nasnet_taps(n_cells: int) -> Taps:
    return {
        "stem1": "reduction_concat_stem_1",
        "stem2": "reduction_concat_stem_2",
        "cells1": f"normal_concat_{n_cells - 1}",
        "cells2": f"normal_concat_{2 * n_cells}",
        "cells3": f"normal_concat_{3 * n_cells}",
    }


_VGG = {f"block{i}": f"block{i}_pool" for i in range(1, 6)}
_RESNET = {"conv1": "pool1_pool", **{f"conv{i}": rf"conv{i}_block\d+_out" for i in range(2, 6)}}
_DENSENET = {
    "conv1": "pool1",
    **{f"conv{i}": rf"conv{i}_block\d+_concat" for i in range(2, 6)},
}
_EFFICIENTNET = {
    **{f"block{i}": rf"block{i}[a-z]+_(add|project_bn)" for i in (2, 3, 4, 5)},
    "block7": r"block[67][a-z]+_(add|project_bn)",
    "top": "top_activation",
}
_EFFICIENTNET_V2 = {
    **{f"block{i}": rf"block{i}[a-z]+_add" for i in (2, 3, 4, 5)},
    "block6": r"block[67][a-z]+_add",
    "top": "top_activation",
}
_MOBILENET = {f"conv{i}": f"conv_pw_{i}_relu" for i in (3, 5, 8, 11, 13)}
_MOBILENET_V2 = {
    **{f"block{i}": f"block_{i}_add" for i in (2, 5, 9, 12)},
    "block16": "block_16_project_BN",
    "top": "out_relu",
}
_MOBILENET_V3_SMALL = {
    **{f"block{i}": f"expanded_conv_{i}_add" for i in (2, 5, 7, 10)},
    "top": r"activation(_\d+)?",
}
_MOBILENET_V3_LARGE = {
    **{f"block{i}": f"expanded_conv_{i}_add" for i in (2, 5, 8, 11, 14)},
    "top": r"activation(_\d+)?",
}
_INCEPTION_V3 = {
    "stem": "max_pooling2d_1",
    **{f"mixed{i}": f"mixed{i}" for i in (2, 7, 8, 9, 10)},
}
_INCEPTION_RESNET_V2 = {
    "mixed5": "mixed_5b",
    "block35": r"block35_\d+_ac",
    "block17": r"block17_\d+_ac",
    "mixed7": "mixed_7a",
    "block8": r"block8_\d+_ac",
    "top": "conv_7b_ac",
}
# Keras calls the twelve residual sums of Xception add, add_1, ..., add_11; block 2 ends in add.
_XCEPTION = {
    **{f"block{i}": f"add_{i - 2}" for i in (3, 4, 8, 12, 13)},
    "top": "block14_sepconv2_act",
}
_CONVNEXT_TINY = _convnext_taps((3, 3, 9, 3))
_CONVNEXT = _convnext_taps((3, 3, 27, 3))

BACKBONES = {
    backbone.name: backbone
    for backbone in [
        Backbone("ConvNeXtTiny", 224, "builtin", _CONVNEXT_TINY),
        Backbone("ConvNeXtSmall", 224, "builtin", _CONVNEXT),
        Backbone("ConvNeXtBase", 224, "builtin", _CONVNEXT),
        Backbone("ConvNeXtLarge", 224, "builtin", _CONVNEXT),
        Backbone("ConvNeXtXLarge", 224, "builtin", _CONVNEXT),
        Backbone("DenseNet121", 224, "torch", _DENSENET),
        Backbone("DenseNet169", 224, "torch", _DENSENET),
        Backbone("DenseNet201", 224, "torch", _DENSENET),
        Backbone("EfficientNetB0", 224, "builtin", _EFFICIENTNET),
        Backbone("EfficientNetB1", 240, "builtin", _EFFICIENTNET),
        Backbone("EfficientNetB2", 260, "builtin", _EFFICIENTNET),
        Backbone("EfficientNetB3", 300, "builtin", _EFFICIENTNET),
        Backbone("EfficientNetB4", 380, "builtin", _EFFICIENTNET),
        Backbone("EfficientNetB5", 456, "builtin", _EFFICIENTNET),
        Backbone("EfficientNetB6", 528, "builtin", _EFFICIENTNET),
        Backbone("EfficientNetB7", 600, "builtin", _EFFICIENTNET),
        Backbone("EfficientNetLite0", 224, "lite", _EFFICIENTNET),
        Backbone("EfficientNetLite1", 240, "lite", _EFFICIENTNET),
        Backbone("EfficientNetLite2", 260, "lite", _EFFICIENTNET),
        Backbone("EfficientNetV2B0", 224, "builtin", _EFFICIENTNET_V2),
        Backbone("EfficientNetV2B1", 240, "builtin", _EFFICIENTNET_V2),
        Backbone("EfficientNetV2B2", 260, "builtin", _EFFICIENTNET_V2),
        Backbone("EfficientNetV2B3", 300, "builtin", _EFFICIENTNET_V2),
        Backbone("EfficientNetV2S", 384, "builtin", _EFFICIENTNET_V2),
        Backbone("EfficientNetV2M", 480, "builtin", _EFFICIENTNET_V2),
        Backbone("EfficientNetV2L", 480, "builtin", _EFFICIENTNET_V2),
        Backbone("InceptionResNetV2", 299, "tf", _INCEPTION_RESNET_V2, 75),
        Backbone("InceptionV3", 299, "tf", _INCEPTION_V3, 75),
        Backbone("MobileNet", 224, "tf", _MOBILENET),
        Backbone("MobileNetV2", 224, "tf", _MOBILENET_V2),
        Backbone("MobileNetV3Large", 224, "builtin", _MOBILENET_V3_LARGE),
        Backbone("MobileNetV3Small", 224, "builtin", _MOBILENET_V3_SMALL),
        Backbone("NASNetLarge", 331, "tf", _nasnet_taps(6)),
        Backbone("NASNetMobile", 224, "tf", _nasnet_taps(4)),
        Backbone("ResNet101", 224, "caffe", _RESNET),
        Backbone("ResNet101V2", 224, "tf", _RESNET),
        Backbone("ResNet152", 224, "caffe", _RESNET),
        Backbone("ResNet152V2", 224, "tf", _RESNET),
        Backbone("ResNet50", 224, "caffe", _RESNET),
        Backbone("ResNet50V2", 224, "tf", _RESNET),
        Backbone("VGG16", 224, "caffe", _VGG),
        Backbone("VGG19", 224, "caffe", _VGG),
        Backbone("Xception", 299, "tf", _XCEPTION, 71),
    ]
}


def list_backbones() -> list[str]:
    """Return the names of the pretrained networks, sorted.

    Returns
    -------
    names : list of str
        Each may be given as `backbone` to the estimators. The weights of the
        ``"EfficientNetLite"`` networks are installed with Python packages,
        those of the others come from Keras, which downloads them once.

    Examples
    --------
    >>> import skdr
    >>> [name for name in skdr.list_backbones() if name.startswith("EfficientNetLite")]
    ['EfficientNetLite0', 'EfficientNetLite1', 'EfficientNetLite2']
    """
    return sorted(BACKBONES)


def list_taps(backbone: str) -> list[str]:
    """Return the named points of a network at which features may be taken.

    Parameters
    ----------
    backbone : str
        One of `list_backbones`.

    Returns
    -------
    taps : list of str
        From early to late. Each may be given as `layer`, as may ``"last"``
        and the names of Keras's own layers.

    Raises
    ------
    ValueError
        If the network is not known.

    Examples
    --------
    >>> import skdr
    >>> skdr.list_taps("Xception")
    ['block3', 'block4', 'block8', 'block12', 'block13', 'top']
    """
    return list(find_backbone(backbone).taps)


def find_backbone(name: str) -> Backbone:
    """Return one row of the table, or an error that suggests the nearest names."""
    if name in BACKBONES:
        return BACKBONES[name]
    if name.endswith((".keras", ".h5")):
        raise ValueError(
            f"backbone={name!r} is a file; give the network in it, "
            f"keras.models.load_model({name!r})."
        )
    suggestion = did_you_mean(name, BACKBONES)
    raise ValueError(f"backbone={name!r} is not known.{suggestion} See skdr.list_backbones().")


def find_operation(network: keras.Model, pattern: str) -> keras.Operation | None:
    """Return the last operation of a network whose name matches a pattern in full."""
    matches = [op for op in operations_of(network) if re.fullmatch(pattern, op.name)]
    return matches[-1] if matches else None
