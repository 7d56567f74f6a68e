"""How a network runs: compiled, shared, sped up. Nothing here changes what it computes."""

from skdr.runtime._feature_map import SplitNetwork, find_feature_map
from skdr.runtime._forward import ForwardPass, batches_of
from skdr.runtime._frozen import FrozenNetwork, frozen_network, network_origin
from skdr.runtime._fused_adam import fused_update_step
from skdr.runtime._many_batches import batches_at_once, learner
from skdr.runtime._pool import FittedNetwork, KeptNetwork, hashable, kept_network
from skdr.runtime._sealed import sealed_parameters

__all__ = [
    "FittedNetwork",
    "ForwardPass",
    "FrozenNetwork",
    "KeptNetwork",
    "SplitNetwork",
    "batches_at_once",
    "batches_of",
    "find_feature_map",
    "frozen_network",
    "fused_update_step",
    "hashable",
    "kept_network",
    "learner",
    "network_origin",
    "sealed_parameters",
]
