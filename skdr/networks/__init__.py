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
    smallest_image_size,
    use_dtype,
    weights_hash,
)
from skdr.networks._copies import copy_network
from skdr.networks._freeze import (
    first_learning,
    learning_blocks,
    learning_rate_scales,
    part_between,
    set_trainable,
    speed_up_batch_norm,
)
from skdr.networks._graph import operations_of, random_states
from skdr.networks._head import (
    STANDARDISE,
    STANDARDISE_PIXELS,
    add_head,
    cut_scores,
    damped_statistics,
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
    "damped_statistics",
    "default_image_size",
    "exportable",
    "first_learning",
    "float32_layers",
    "initialise_kernels",
    "is_own_code",
    "learning_blocks",
    "learning_rate_scales",
    "list_backbones",
    "list_taps",
    "operations_of",
    "part_between",
    "random_states",
    "set_class_shares",
    "set_statistics",
    "set_trainable",
    "smallest_image_size",
    "speed_up_batch_norm",
    "tap_features",
    "use_dtype",
    "weights_hash",
]
