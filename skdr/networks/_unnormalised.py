"""Networks of `keras.applications` that do not get numbers in the range of their training."""

import re

import keras

from skdr._warnings import warn
from skdr.networks._backbones import BACKBONES, Backbone
from skdr.networks._flatten import innermost_operations

_WEIGHTED_SUMS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Dense,
)
# Layers that keep the range of the numbers; skdr cannot tell what any other layer does to it.
_KEEPS_RANGE = re.compile(
    r"InputLayer|Identity|ZeroPadding2D|Cropping2D|CenterCrop|Resizing|Random\w+|Permute|Reshape"
    r"|Cast|ConvertToTensor|GetItem|Flip|Resize|Pad"
)
_SCALES = re.compile(r"Rescaling|Normali[sz]ation|TrueDivide|Divide|Subtract")
_BY_NAME = {name.lower(): backbone for name, backbone in BACKBONES.items()}


def warn_if_not_normalised(network: keras.Model) -> None:
    """Warn if images in 0..255 reach a known network as they are, or normalised twice.

    Parameters
    ----------
    network : keras.Model
        A user's pretrained network: one of `keras.applications`, or one with such a network inside.
    """
    operations = list(innermost_operations(network))
    sums = [i for i, (op, _) in enumerate(operations) if isinstance(op, _WEIGHTED_SUMS)]
    if not sums:
        return
    before, (_, path) = operations[: sums[0]], operations[sums[0]]
    name, known = next(((n, _known(n)) for n in reversed(path) if _known(n)), ("", None))
    if known is None:
        return
    if all(_KEEPS_RANGE.fullmatch(type(op).__name__) for op, _ in before):
        warn(_unnormalised(network, name, known))
    scaling = [(op, p) for op, p in before if _SCALES.fullmatch(type(op).__name__)]
    outside = [op.name for op, p in scaling if name not in p]
    if outside and len(outside) < len(scaling):
        warn(
            f"backbone={network.name!r} normalises images twice: its layer {outside[0]!r} does, "
            f"and so does Keras's {known.name}, which takes 0..255. Leave out "
            f"{outside[0]!r}."
        )


def _known(name: str) -> Backbone | None:
    """Return the row of the table for a name that `keras.applications` gives."""
    sized = re.fullmatch(r"(mobilenet(?:v2)?)_[\d.]+_\w+", name)
    squeezed = re.sub("[-_]", "", sized[1] if sized else name).lower()
    return _BY_NAME.get("nasnetmobile" if squeezed == "nasnet" else squeezed)


def _unnormalised(network: keras.Model, name: str, known: Backbone) -> str:
    if known.normalisation == "builtin":
        return (
            f"backbone={network.name!r} is Keras's {known.name} without its own normalisation, and "
            "gets images in 0..255: its features are worth little. Build it with "
            "include_preprocessing=True."
        )
    module = getattr(keras.applications, known.name).__module__.rsplit(".", 1)[-1]
    cure = f"keras.applications.{module}.preprocess_input(images)"
    if known.normalisation == "tf":
        cure = "keras.layers.Rescaling(1 / 127.5, offset=-1)(images)"
    is_in_table = re.search(r"_(?!1\.0)\d\.\d+_", name) is None  # not narrower or wider
    instead = f", or give backbone={known.name!r} and the path of its weights" * is_in_table
    return (
        f"backbone={network.name!r} is Keras's {known.name}, and nothing brings images in 0..255 "
        "to what it was trained on: its features are worth little. Put the normalisation before "
        f"it, as in keras.Model(images, network({cure})){instead}."
    )
