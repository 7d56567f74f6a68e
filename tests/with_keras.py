"""What tests share that needs Keras: apart, so that whoever hands tests out need not import it."""

import keras
import pytest

from skdr.networks._copies import set_weights

on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="of the TensorFlow backend alone"
)


def in_float64(network):
    """Copy a network: so small is rounding there that it moves no value across a kink of ReLU."""

    def copy(layer):
        dtype = {"dtype": "float64"} if isinstance(layer, keras.Layer) else {}
        return type(layer).from_config(layer.get_config() | dtype)

    copied = keras.models.clone_model(network, clone_function=copy)
    set_weights(copied, network.get_weights())
    return copied


class _TinyNetwork:
    """Builds a network of a few hundred weights, on RGB images in 0..255."""

    def __call__(self, input_shape):
        return keras.Sequential(
            [
                keras.Input(input_shape),
                keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scale"),
                keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="conv1"),
                keras.layers.BatchNormalization(name="bn1"),
                keras.layers.ReLU(name="relu1"),
                keras.layers.Conv2D(16, 3, strides=2, padding="same", name="conv2"),
                keras.layers.ReLU(name="relu2"),
            ],
            name="tiny",
        )

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return "tiny_network"  # without an address: part of the tests' names


tiny_network = _TinyNetwork()
