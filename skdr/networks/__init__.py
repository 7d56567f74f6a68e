"""What a ConvNet is: which there are, how they are built, tapped, frozen and run."""

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
from skdr.networks._copies import copy_network
from skdr.networks._feature_map import SplitNetwork, find_feature_map
from skdr.networks._freeze import (
    first_learning,
    learning_blocks,
    learning_rate_scales,
    part_between,
    set_trainable,
    speed_up_batch_norm,
)
from skdr.networks._frozen import FrozenNetwork, frozen_network, network_origin
from skdr.networks._fused_adam import fused_update_step
from skdr.networks._head import (
    STANDARDISE,
    STANDARDISE_PIXELS,
    add_head,
    cut_scores,
    gentle_statistics,
    set_class_shares,
    set_statistics,
)
from skdr.networks._inference import ForwardPass, batches_of
from skdr.networks._kept import FittedNetwork, KeptNetwork, hashable, kept_network
from skdr.networks._many_batches import batches_at_once, learner
from skdr.networks._openvino import OpenVINO
from skdr.networks._sealed import sealed_parameters
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
    "FittedNetwork",
    "ForwardPass",
    "FrozenNetwork",
    "KeptNetwork",
    "OpenVINO",
    "SplitNetwork",
    "add_head",
    "augmentation_layers",
    "augments",
    "batches_at_once",
    "batches_of",
    "build_backbone",
    "build_small_cnn",
    "copy_network",
    "cut_scores",
    "default_image_size",
    "exportable",
    "find_feature_map",
    "first_learning",
    "float32_layers",
    "frozen_network",
    "fused_update_step",
    "gentle_statistics",
    "hashable",
    "initialise_kernels",
    "is_own_code",
    "kept_network",
    "keras_seed",
    "learner",
    "learning_blocks",
    "learning_rate_scales",
    "list_backbones",
    "list_taps",
    "network_origin",
    "part_between",
    "sealed_parameters",
    "set_class_shares",
    "set_statistics",
    "set_trainable",
    "smallest_image_size",
    "speed_up_batch_norm",
    "tap_features",
    "use_dtype",
    "weights_hash",
]
