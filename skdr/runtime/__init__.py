"""How a network runs: compiled, shared, sped up. Nothing here changes what it computes."""

from skdr.runtime._feature_map import SplitNetwork, find_feature_map
from skdr.runtime._fitted import FittedNetwork
from skdr.runtime._frozen import FrozenNetwork, frozen_network, network_origin
from skdr.runtime._many_batches import batches_at_once, learner
from skdr.runtime._parameter_key import parameter_key
from skdr.runtime._pool import clear_networks
from skdr.runtime._sealed import sealed_parameters
from skdr.runtime._trainable import TrainableNetwork, lend_network
from skdr.runtime._updates import adjust_updates

__all__ = [
    "FittedNetwork",
    "FrozenNetwork",
    "SplitNetwork",
    "TrainableNetwork",
    "adjust_updates",
    "batches_at_once",
    "clear_networks",
    "find_feature_map",
    "frozen_network",
    "learner",
    "lend_network",
    "network_origin",
    "parameter_key",
    "sealed_parameters",
]
