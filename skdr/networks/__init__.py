"""What a ConvNet is: which networks there are, how they are built, tapped and frozen.

Packages above import these names. Only `runtime`, which runs the networks, imports the modules too.
"""

from skdr.networks._augment import Augmentation, augmentation_layers, augments
from skdr.networks._backbones import ALL, list_backbones, list_taps
from skdr.networks._build import (
    BackboneLike,
    build_backbone,
    default_image_size,
    exportable,
    is_own_code,
    smallest_image_size,
)
from skdr.networks._class_outputs import warn_if_probabilities
from skdr.networks._classifiers import pretrained_classifier, scratch_classifier
from skdr.networks._freeze import Learning, set_trainable, warn_if_head_alone_learns, what_learns
from skdr.networks._graph import random_states
from skdr.networks._head import (
    cut_scores,
    set_class_shares,
    set_scores,
    standardise_features,
    standardise_pixels,
    standardised,
)
from skdr.networks._settings import float32_layers
from skdr.networks._small_cnn import build_small_cnn

__all__ = [
    "ALL",
    "Augmentation",
    "BackboneLike",
    "Learning",
    "augmentation_layers",
    "augments",
    "build_backbone",
    "build_small_cnn",
    "cut_scores",
    "default_image_size",
    "exportable",
    "float32_layers",
    "is_own_code",
    "list_backbones",
    "list_taps",
    "pretrained_classifier",
    "random_states",
    "scratch_classifier",
    "set_class_shares",
    "set_scores",
    "set_trainable",
    "smallest_image_size",
    "standardise_features",
    "standardise_pixels",
    "standardised",
    "warn_if_head_alone_learns",
    "warn_if_probabilities",
    "what_learns",
]
