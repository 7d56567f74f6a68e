"""How a network runs: compiled, shared, sped up. Nothing here changes what it computes."""

from skdr.runtime._feature_map import SplitNetwork, find_feature_map
from skdr.runtime._fitted import FittedNetwork
from skdr.runtime._forward import ForwardPass, batches_of
from skdr.runtime._frozen import FrozenNetwork, frozen_network, network_origin
from skdr.runtime._fused_adam import fused_update_step
from skdr.runtime._keras_internals import keras_seed, set_update_step, variable_numbers
from skdr.runtime._many_batches import batches_at_once, learner
from skdr.runtime._openvino import OpenVINO
from skdr.runtime._parameter_key import parameter_key
from skdr.runtime._pool import clear_networks
from skdr.runtime._sealed import sealed_parameters
from skdr.runtime._trainable import TrainableNetwork, lend_network

__all__ = [
    "FittedNetwork",
    "ForwardPass",
    "FrozenNetwork",
    "OpenVINO",
    "SplitNetwork",
    "TrainableNetwork",
    "batches_at_once",
    "batches_of",
    "clear_networks",
    "find_feature_map",
    "frozen_network",
    "fused_update_step",
    "keras_seed",
    "learner",
    "lend_network",
    "network_origin",
    "parameter_key",
    "sealed_parameters",
    "set_update_step",
    "variable_numbers",
]
