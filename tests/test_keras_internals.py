"""What is not documented in Keras has a fallback: hide each name, and all still works."""

import random

import keras
import numpy as np
import pytest

from skdr import (
    FineTunedCNNClassifier,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
    clear_feature_cache,
    clear_networks,
)
from skdr.networks._graph import operations_of
from skdr.runtime._keras_internals import (
    keras_seed,
    set_convolution,
    set_update_step,
    variable_numbers,
)
from tests.with_keras import tiny_network

SETTINGS = {"image_size": 16, "random_state": 0, "batch_size": 16}
FITS = {
    "fine_tuned": lambda: FineTunedCNNClassifier(
        tiny_network,
        weights=None,
        trainable=1,
        layer_decay=0.5,
        head_epochs=3,
        epochs=2,
        **SETTINGS,
    ),
    "scratch": lambda: ScratchCNNClassifier(tiny_network, epochs=2, **SETTINGS),
}


@pytest.fixture(autouse=True)
def forget():
    clear_networks()
    clear_feature_cache()


def hide_generator(patch):
    patch.setattr("skdr.runtime._keras_internals._SEEDS", "keras.src.random.elsewhere")


def hide_operations(patch):
    patch.setattr("skdr.networks._graph._ALL", "hidden")


def predictions(make, X, y):
    clear_networks()
    clear_feature_cache()
    return make().fit(X, y).predict_proba(X)


@pytest.fixture(scope="module")
def expected(coloured):
    return {make: predictions(make, *coloured) for make in FITS.values()}


@pytest.mark.parametrize("make", FITS.values(), ids=FITS)
@pytest.mark.parametrize("hide", [hide_generator, hide_operations])
def test_fits_are_the_same_without_a_name(make, hide, coloured, expected, monkeypatch):
    with monkeypatch.context() as patch:
        hide(patch)
        found = predictions(make, *coloured)
    np.testing.assert_allclose(found, expected[make], atol=1e-4)


def test_seed_without_a_generator_of_its_own(monkeypatch):
    def draw():
        with keras_seed(3):
            return keras.ops.convert_to_numpy(keras.random.SeedGenerator().state)[0]

    state = random.getstate()
    first = draw()
    hide_generator(monkeypatch)
    random.seed(99)
    assert draw() == draw()
    random.setstate(state)
    monkeypatch.undo()
    assert draw() == first


def test_global_generator_is_given_back(monkeypatch):
    hide_generator(monkeypatch)
    random.seed(5)
    expected = random.random()
    random.seed(5)
    with keras_seed(0):
        random.random()
    assert random.random() == expected


def test_variables_are_numbered_without_keras():
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    optimizer = keras.optimizers.Adam()
    optimizer.build(layer.trainable_variables)
    optimizer._get_variable_index = None
    number_of = variable_numbers(optimizer, layer.trainable_variables)
    assert [number_of(v) for v in layer.trainable_variables] == [0, 1]
    assert [number_of(v.value) for v in layer.trainable_variables] == [0, 1]


def test_layer_without_such_a_method_convolves_as_before():
    class Other(keras.layers.Layer):
        pass

    layer = Other()
    set_convolution(layer, lambda inputs, kernel: inputs)
    assert not hasattr(layer, "convolution_op")


def test_step_of_ones_own_is_the_one_that_is_taken():
    variable = keras.Variable(np.zeros(2, "float32"))
    optimizer, seen = keras.optimizers.Adam(), []
    optimizer.build([variable])
    set_update_step(optimizer, lambda gradient, variable, rate: seen.append(gradient))
    optimizer.apply([keras.ops.ones(2)])
    assert len(seen) == 1
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), 0)


def test_layers_are_found_where_keras_names_no_operations(monkeypatch):
    network = tiny_network((16, 16, 3))
    expected = [op.name for op in operations_of(network) if isinstance(op, keras.Layer)]
    hide_operations(monkeypatch)
    assert [op.name for op in operations_of(network)] == expected


def test_features_without_operations(coloured, monkeypatch):
    def features():
        clear_networks()
        extractor = PretrainedFeatureExtractor(image_size=32, layer=["block2", "last"], cache=None)
        return extractor.fit_transform(coloured[0][:4])

    expected = features()
    hide_operations(monkeypatch)
    np.testing.assert_allclose(features(), expected, atol=1e-5)
