"""A network runs with weights that come with the call, and is only read."""

import keras
import numpy as np
import pytest

from skdr.runtime._architecture import Architecture
from skdr.runtime._forward import ForwardPass
from skdr.runtime._stateless import compile_with_keras
from tests.with_keras import tiny_network


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (70, 16, 16, 3)).astype(np.float32)


@pytest.fixture
def network():
    return tiny_network((16, 16, 3))


def changed(network):
    return [weight + 0.1 for weight in network.get_weights()]


def test_weights_of_the_call_are_used(network, images):
    weights = changed(network)
    found = compile_with_keras(network)(images, weights)
    network.set_weights(weights)
    np.testing.assert_allclose(found, network.predict(images, verbose=0), rtol=1e-4, atol=1e-5)


def test_network_keeps_its_own_weights(network, images):
    before = network.get_weights()
    compile_with_keras(network)(images, changed(network))
    for weight, was in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, was)


def test_its_own_weights_are_those_of_the_first_call(network, images):
    run = compile_with_keras(network)
    first = run(images)
    network.set_weights(changed(network))
    np.testing.assert_array_equal(run(images), first)


def test_part_of_a_network_takes_its_share_of_the_weights(network, images):
    network = keras.Model(network.inputs, network.outputs)
    architecture, weights = Architecture(network), changed(network)
    middle = next(i for i, op in enumerate(network.operations) if op.name == "relu1") + 1
    below = architecture([images], weights, 0, middle)
    np.testing.assert_allclose(
        architecture([below], weights, middle), architecture([images], weights), rtol=1e-5
    )


class Jitter(keras.layers.Layer):
    """Draws at random, in inference too."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, inputs):
        return inputs + keras.random.normal(keras.ops.shape(inputs), seed=self.seed_generator)


@pytest.fixture
def drawing():
    inputs = keras.Input((4,))
    return keras.Model(inputs, Jitter()(inputs))


def test_layers_that_draw_go_on_drawing(drawing):
    forward = ForwardPass(drawing)
    ones = np.ones((64, 4), np.float32)
    assert not np.array_equal(forward([ones]), forward([ones]))


def test_what_draws_in_training_is_left_alone(drawing):
    (state,) = drawing.variables
    before = keras.ops.convert_to_numpy(state).copy()
    compile_with_keras(drawing)(np.ones((64, 4), np.float32))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(state), before)
