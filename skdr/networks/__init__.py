"""What a ConvNet is: which there are, how they are built, tapped and frozen."""

from skdr.networks._augment import Augmentation, augmentation_layers, augments
from skdr.networks._backbones import BACKBONES, LAST, list_backbones, list_taps
from skdr.networks._build import (
    BackboneLike,
    build_backbone,
    default_image_size,
    exportable,
    initialise_kernels,
    is_own_code,
    keras_seed,
    smallest_image_size,
    use_dtype,
    weights_hash,
)
from skdr.networks._class_outputs import warn_if_probabilities
from skdr.networks._copies import copy_network
from skdr.networks._freeze import (
    first_learning,
    learning_blocks,
    learning_rate_scales,
    part_between,
    set_trainable,
    speed_up_batch_norm,
    warn_if_head_alone_learns,
)
from skdr.networks._head import (
    STANDARDISE,
    STANDARDISE_PIXELS,
    add_head,
    cut_scores,
    gentle_statistics,
    set_class_shares,
    set_statistics,
)
from skdr.networks._settings import float32_layers
from skdr.networks._small_cnn import build_small_cnn
from skdr.networks._taps import tap_features

__all__ = [
    "BACKBONES",
    "LAST",
    "STANDARDISE",
    "STANDARDISE_PIXELS",
    "Augmentation",
    "BackboneLike",
    "add_head",
    "augmentation_layers",
    "augments",
    "build_backbone",
    "build_small_cnn",
    "copy_network",
    "cut_scores",
    "default_image_size",
    "exportable",
    "first_learning",
    "float32_layers",
    "gentle_statistics",
    "initialise_kernels",
    "is_own_code",
    "keras_seed",
    "learning_blocks",
    "learning_rate_scales",
    "list_backbones",
    "list_taps",
    "part_between",
    "set_class_shares",
    "set_statistics",
    "set_trainable",
    "smallest_image_size",
    "speed_up_batch_norm",
    "tap_features",
    "use_dtype",
    "warn_if_head_alone_learns",
    "warn_if_probabilities",
    "weights_hash",
]
