"""Networks to measure on."""

import keras
import numpy as np

from skdr.networks import build_backbone, default_image_size

# Multiplications and additions of one image at the default size, in 1e9.
OPERATIONS = {
    "InceptionV3": 11.4,
    "ResNet50": 7.7,
    "MobileNetV2": 0.60,
    "EfficientNetLite0": 0.77,
}


def build_network(name):
    """Return a network at its default size, with random weights and BatchNorm statistics."""
    network = build_backbone(name, None, default_image_size(name))
    spread_batch_norm(network)
    return network


def spread_batch_norm(network):
    """Give BatchNorm layers statistics unlike those of an untrained network."""
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            *others, variance = layer.get_weights()
            moved = [weight + rng.normal(0, 0.1, weight.shape) for weight in others]
            layer.set_weights([*moved, rng.uniform(0.5, 1.5, variance.shape)])
