"""Networks of one's own: inside each other, normalised in front, with code of one's own."""

import pickle

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor, ScratchCNNClassifier
from skdr.inspection import grad_cam
from skdr.networks import build_backbone
from skdr.networks._copies import copy_network, set_weights
from skdr.networks._flatten import flattened

layers = keras.layers
SIZE = (24, 24, 3)
SEED = {"image_size": 24, "random_state": 0}


def filled(network):
    """Give all weights of a network values of their own, variances positive ones."""
    rng = np.random.default_rng(0)
    set_weights(network, [rng.uniform(0.1, 0.5, w.shape).astype(w.dtype) for w in network.weights])
    return network


def base(name="base"):
    """A residual network, as those of `keras.applications`, with names that others have too."""
    images = keras.Input(SIZE)
    x = shortcut = layers.Conv2D(8, 3, padding="same", use_bias=False, name="conv1")(images)
    x = layers.BatchNormalization(name="bn1")(x)
    x = layers.Conv2D(8, 3, padding="same", activation="tanh", name="conv2")(x)
    x = layers.MaxPooling2D()(layers.Add()([x, shortcut]))
    return keras.Model(images, x, name=name)


def rescaled():
    images = keras.Input(SIZE)
    return keras.Model(images, base()(layers.Rescaling(1 / 127.5, -1)(images)), name="outer")


def in_sequence():
    stack = [keras.Input(SIZE), layers.Rescaling(1 / 127.5, -1), base()]
    return keras.Sequential(stack, name="outer")


def two_levels():
    images = keras.Input(SIZE)
    x = rescaled()(layers.RandomFlip()(images), training=False)
    return keras.Model(images, layers.Conv2D(8, 1, name="conv1")(x), name="outermost")


def augmented():
    vary = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.5)], name="vary")
    return keras.Sequential([keras.Input(SIZE), vary, in_sequence()])


def twice():
    """One network on an image and on its negative."""
    images, shared = keras.Input(SIZE), base()
    x = layers.Rescaling(1 / 127.5, -1)(images)
    return keras.Model(images, layers.Average()([shared(x), shared(-x)]), name="outer")


def two_outputs_inside():
    images, inner = keras.Input(SIZE), base()
    inner = keras.Model(inner.inputs, [inner.get_layer("conv1").output, inner.outputs[0]])
    first, last = inner(layers.Rescaling(1 / 127.5, -1)(images))
    return keras.Model(images, layers.Concatenate()([layers.MaxPooling2D()(first), last]))


def whole_numbers_outside():
    images = keras.Input(SIZE, dtype="uint8")
    return keras.Model(images, rescaled()(images), name="from_bytes")


@keras.saving.register_keras_serializable(package="tests")
class Opaque(keras.Model):
    """A model whose own code says how its layers are connected."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv, self.bn = layers.Conv2D(4, 3), layers.BatchNormalization()

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.bn.build(self.compute_output_shape(input_shape))
        self.built = True

    def compute_output_shape(self, input_shape):
        return self.conv.compute_output_shape(input_shape)

    def call(self, inputs, training=None):
        return self.bn(self.conv(inputs), training=training)


@keras.saving.register_keras_serializable(package="tests")
class Doubled(keras.Model):
    """A functional model with a `call` of its own."""

    def call(self, inputs, training=None):
        return 2 * super().call(inputs, training=training)


def opaque():
    images = keras.Input(SIZE)
    return keras.Model(images, Opaque(name="inner")(layers.Rescaling(1 / 127.5, -1)(images)))


def doubled():
    images, inner = keras.Input(SIZE), base()
    inner = Doubled(inner.inputs, inner.outputs, name="inner")
    return keras.Model(images, inner(layers.Rescaling(1 / 127.5, -1)(images)))


NETWORKS = {
    make.__name__: make
    for make in [
        *(rescaled, in_sequence, two_levels, augmented, twice, two_outputs_inside),
        *(whole_numbers_outside, opaque, doubled),
    ]
}
POOLED = {
    "avg": lambda maps: maps.mean(axis=(1, 2)),
    "max": lambda maps: maps.max(axis=(1, 2)),
    "avgmax": lambda maps: np.hstack([maps.mean(axis=(1, 2)), maps.max(axis=(1, 2))]),
    None: lambda maps: maps.reshape(len(maps), -1),
}


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS)
def network(request):
    return filled(request.param())


@pytest.fixture(scope="module")
def labelled(coloured):
    return coloured[0][:12], coloured[1][:12]


@pytest.fixture(scope="module")
def images(labelled):
    return labelled[0]


def outputs(network, images):
    return network.predict(images.astype(network.inputs[0].dtype), verbose=0)


# Networks inside networks


def test_flat_network_computes_the_same(network, images):
    expected = outputs(network, images)
    found = outputs(flattened(network), images)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("pooling", POOLED)
@pytest.mark.parametrize("given_as", ["model", "callable"])
def test_features_are_those_of_the_network(pooling, given_as, images):
    network = filled(rescaled())
    backbone = network if given_as == "model" else lambda input_shape: filled(rescaled())
    settings = {"pooling": pooling, "image_size": 24, "cache": None}
    found = PretrainedFeatureExtractor(backbone, **settings).fit_transform(images)
    expected = POOLED[pooling](outputs(network, images))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.filterwarnings("ignore:trainable='base' trains nothing but the head")
@pytest.mark.parametrize("trainable", ["head", "all", 1, "conv1", "base"])
def test_fine_tunes(trainable, labelled):
    X, y = labelled
    classifier = FineTunedCNNClassifier(
        filled(rescaled()), trainable=trainable, head_epochs=3, epochs=1, **SEED
    ).fit(X, y)
    expected = classifier.predict_proba(X)
    np.testing.assert_allclose(outputs(classifier.model_, X), expected, atol=1e-5)
    loaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)


@pytest.mark.parametrize("make", [augmented, twice, doubled])
def test_any_kind_fine_tunes(make, labelled):
    X, y = labelled
    classifier = FineTunedCNNClassifier(filled(make()), trainable=1, head_epochs=1, epochs=1)
    expected = classifier.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(outputs(classifier.model_, X), expected, atol=1e-5)


HEAD_ALONE = "trains nothing but the head"


@pytest.mark.parametrize(
    ("trainable", "message"),
    [
        ("base", r"the layers after 'base' have no weights that learn\. Name an earlier layer"),
        ("conv2", r"the layers after 'conv2' have no weights"),
        ("last_bn", r"the layers after 'last_bn' have no weights"),
        (1, r"BatchNorm layers keep theirs with batch_norm='stored'\. Give a larger number"),
    ],
)
def test_fine_tuning_of_nothing_but_the_head_is_warned_of(trainable, message, labelled):
    network = rescaled()
    if trainable in ("last_bn", 1):
        last = layers.BatchNormalization(name="last_bn")(network.outputs[0])
        network = keras.Model(network.inputs, last)
    settings = {"trainable": trainable, "head_epochs": 1, "epochs": 1, **SEED}
    classifier = FineTunedCNNClassifier(filled(network), **settings)
    with pytest.warns(UserWarning, match=rf"trainable={trainable!r} {HEAD_ALONE}: .*{message}"):
        classifier.fit(*labelled)


def test_batch_norm_that_learns_is_more_than_the_head(labelled):
    network = rescaled()
    last = layers.BatchNormalization()(network.outputs[0])
    settings = {"trainable": 1, "batch_norm": "updated", "head_epochs": 1, "epochs": 1, **SEED}
    network = filled(keras.Model(network.inputs, last))
    FineTunedCNNClassifier(network, **settings).fit(*labelled)  # a warning would be an error


def test_name_that_is_nearly_that_of_a_layer_is_suggested(labelled):
    network = filled(two_levels())  # where conv1 is a layer of the outermost
    match = r"layer='base_conv1' is not .* Did you mean 'outer_base_conv1'\?.* Keras layers .*'bn1'"
    with pytest.raises(ValueError, match=match):
        PretrainedFeatureExtractor(network, layer="base_conv1").fit(labelled[0])
    with pytest.raises(ValueError, match=r"trainable='Conv_2' .* Did you mean 'conv2'"):
        FineTunedCNNClassifier(network, trainable="Conv_2", head_epochs=0).fit(*labelled)


# Networks that end in classes of their own


def with_classes(*ends):
    pooled = layers.GlobalMaxPooling2D(name="pool")
    return keras.Sequential([keras.Input(SIZE), *in_sequence().layers, pooled, *ends])


def ops_softmax():
    network = with_classes(layers.Dense(3))
    return keras.Model(network.inputs, keras.ops.softmax(network.outputs[0]))


def wrapped_classes():
    images = keras.Input(SIZE)
    return keras.Model(images, with_classes(layers.Dense(3, activation="softmax"))(images))


def convolved_classes():
    """As MobileNet makes them."""
    ends = [layers.Reshape((1, 1, 8), name="before"), layers.Conv2D(3, 1), layers.Reshape((3,))]
    return with_classes(*ends, layers.Activation("softmax"))


def squeezed(last):
    """A network that ends in a map that it has weighted by what a sigmoid says of each channel."""
    network = rescaled()
    maps = network.outputs[0]
    gate = layers.Dense(8, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(maps))
    return keras.Model(network.inputs, last([maps, gate]))


PROBABILITIES = {
    "softmax": (lambda: with_classes(layers.Dense(3, activation="softmax")), "pool"),
    "sigmoid": (lambda: with_classes(layers.Dense(1, activation="sigmoid")), "pool"),
    "dropout": (
        lambda: with_classes(layers.Dropout(0.5, name="drop"), layers.Dense(3, "softmax")),
        "drop",
    ),
    "activation": (lambda: with_classes(layers.Dense(3), layers.Activation("softmax")), "pool"),
    "Softmax layer": (lambda: with_classes(layers.Dense(3), layers.Softmax()), "pool"),
    "softmax of keras.ops": (ops_softmax, "pool"),
    "inside a network": (wrapped_classes, "pool"),
    "convolution": (convolved_classes, "before"),
}
NO_PROBABILITIES = {
    "map": rescaled,
    "vector": lambda: with_classes(layers.Dense(5, activation="relu")),
    "logits": lambda: with_classes(layers.Dense(3)),
    "squeeze and excitation": lambda: squeezed(layers.Multiply()),
    "map of a sigmoid": lambda: keras.Sequential(
        [
            keras.Input(SIZE),
            *in_sequence().layers,
            layers.Conv2D(4, 1),
            layers.Activation("sigmoid"),
        ]
    ),
}


@pytest.mark.parametrize(("make", "before"), PROBABILITIES.values(), ids=PROBABILITIES)
def test_probabilities_as_features_are_warned_of(make, before, labelled):
    X, y = labelled
    network = make()
    warned = rf"ends in \d probabilities of classes of its own.*Set layer='{before}'"
    with pytest.warns(UserWarning, match=warned):
        PretrainedFeatureExtractor(network).fit(X)
    with pytest.warns(UserWarning, match=warned):
        FineTunedCNNClassifier(network, layer=["pool", "last"], head_epochs=0, epochs=0).fit(X, y)
    assert PretrainedFeatureExtractor(network, layer=before).fit_transform(X).shape == (12, 8)
    with pytest.warns(UserWarning, match=rf"Give keras\.Model.*get_layer\('{before}'\)"):
        ScratchCNNClassifier(network, epochs=0).fit(X, y)


@pytest.mark.parametrize("make", NO_PROBABILITIES.values(), ids=NO_PROBABILITIES)
def test_other_ends_of_networks_are_not_warned_of(make, labelled):
    network = make()
    PretrainedFeatureExtractor(network).fit(labelled[0])  # a warning would be an error
    FineTunedCNNClassifier(network, head_epochs=0, epochs=0).fit(*labelled)


def test_trainable_blocks_are_layers_of_the_inner_network(labelled):
    classifier = FineTunedCNNClassifier(
        filled(rescaled()), trainable=1, learning_rate=1e-3, C=1.0, head_epochs=5, epochs=2, **SEED
    ).fit(*labelled)
    before = build_backbone(classifier.backbone, "imagenet", (24, 24))
    changed = {
        layer.name
        for layer in before.layers
        if layer.weights
        and not np.array_equal(
            layer.get_weights()[0], classifier.model_.get_layer(layer.name).get_weights()[0]
        )
    }
    assert changed == {"conv2"}


@pytest.mark.parametrize("make", [augmented, opaque])
def test_trains_from_scratch(make, labelled):
    X, y = labelled
    classifier = ScratchCNNClassifier(make(), epochs=1, **SEED).fit(X, y)
    expected = classifier.predict_proba(X)
    np.testing.assert_allclose(outputs(classifier.model_, X), expected, atol=1e-5)
    loaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)


def test_given_network_is_not_changed(network):
    before = [weight.copy() for weight in network.get_weights()]
    names = [layer.name for layer in network.layers]
    n_nodes = [len(layer._inbound_nodes) for layer in network.layers]
    build_backbone(network, None, (24, 24))
    for weight, kept in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)
    assert [layer.name for layer in network.layers] == names
    assert [len(layer._inbound_nodes) for layer in network.layers] == n_nodes


@pytest.mark.parametrize("layer", ["base", "conv1", "last"])
def test_layers_of_the_inner_network_and_its_own_name_are_taps(layer, images):
    network = filled(rescaled())
    inner = network.get_layer("base")
    tapped = inner if layer != "conv1" else keras.Model(inner.inputs, inner.layers[1].output)
    expected = POOLED["avg"](outputs(tapped, images / 127.5 - 1))
    extractor = PretrainedFeatureExtractor(network, layer=layer, cache=None)
    np.testing.assert_allclose(extractor.fit_transform(images), expected, rtol=1e-4, atol=1e-5)


def test_names_that_occur_once_are_kept_and_others_get_that_of_their_network():
    flat = build_backbone(two_levels(), "imagenet", (24, 24))
    assert [op.name for op in flat.operations] == [
        *("images", "random_flip", "rescaling", "outer_base_conv1", "bn1", "conv2"),
        *("add", "max_pooling2d", "base", "outer", "conv1"),
    ]


def test_two_networks_of_the_same_layers_stand_side_by_side(images):
    inputs = keras.Input(SIZE)
    both = layers.Concatenate()([base("left")(inputs), base("right")(inputs)])
    network = filled(keras.Model(inputs, both, name="both"))
    flat = build_backbone(network, "imagenet", (24, 24))
    names = {op.name for op in flat.operations}
    assert {"left_conv1", "right_conv1", "left", "right"} <= names
    np.testing.assert_allclose(outputs(flat, images), outputs(network, images), rtol=1e-5)


def test_names_do_not_depend_on_what_was_built_before():
    first = [op.name for op in build_backbone(augmented(), "imagenet", (24, 24)).operations]
    layers.RandomFlip()  # Keras counts these for the whole process
    keras.Sequential([keras.Input(SIZE)])
    second = [op.name for op in build_backbone(augmented(), "imagenet", (24, 24)).operations]
    assert first == second


def test_layers_that_run_twice_keep_one_set_of_weights(labelled):
    network = twice()
    flat = flattened(network)
    assert len(flat.weights) == len(network.weights)


def test_layers_called_anew_are_taken_apart_from_their_first_network(images):
    """A frequent way to put something before a network: its layers are called one by one."""

    def rebuilt(input_shape):
        inner, inputs = base(), keras.Input(input_shape)
        x = layers.Rescaling(1 / 127.5, -1)(inputs)
        for layer in inner.layers[1:4]:
            x = layer(x)
        return filled(keras.Model(inputs, x))

    extractor = PretrainedFeatureExtractor(rebuilt, image_size=24, cache=None)
    expected = POOLED["avg"](outputs(rebuilt(SIZE), images))
    np.testing.assert_allclose(extractor.fit_transform(images), expected, rtol=1e-5)


def test_network_that_a_function_returns_again_is_copied():
    network = base()
    built = [build_backbone(lambda input_shape: network, None, (24, 24)) for _ in range(2)]
    assert built[0].layers[1] is not built[1].layers[1]


def test_last_layer_that_runs_twice_gives_its_last_output(images):
    inputs, same = keras.Input(SIZE), layers.Conv2D(3, 3, padding="same", name="same")
    network = filled(keras.Model(inputs, same(same(inputs))))
    extractor = PretrainedFeatureExtractor(network, cache=None)
    expected = POOLED["avg"](outputs(network, images))
    np.testing.assert_allclose(extractor.fit_transform(images), expected, rtol=1e-5)


# Grad-CAM


@pytest.mark.parametrize("layer", [None, "conv2", "base"])
def test_grad_cam_looks_into_the_inner_network(layer, labelled):
    X, y = labelled
    pipeline = make_pipeline(PretrainedFeatureExtractor(filled(rescaled())), LogisticRegression())
    found = grad_cam(pipeline.fit(X, y), X, layer=layer)
    assert found.layer == (layer or "base")
    assert found.heat_maps.any()


def test_grad_cam_of_a_nested_network_is_that_of_the_flat_one(labelled):
    X, y = labelled
    network = filled(rescaled())
    flat = keras.Sequential([keras.Input(SIZE), layers.Rescaling(1 / 127.5, -1, name="scale")])
    x = flat.outputs[0]
    copied = base("other")
    set_weights(copied, network.get_weights())
    x = keras.Function(copied.inputs, copied.outputs).call([x])[0]
    maps = [
        grad_cam(
            make_pipeline(PretrainedFeatureExtractor(n), LogisticRegression()).fit(X, y), X
        ).heat_maps
        for n in (network, keras.Model(flat.inputs, x))
    ]
    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-4, atol=1e-5 * maps[1].max())


def test_grad_cam_of_a_layer_that_runs_twice_is_refused(labelled):
    X, y = labelled
    pipeline = make_pipeline(PretrainedFeatureExtractor(filled(twice())), LogisticRegression())
    with pytest.raises(ValueError, match=r"'conv1' .* runs several times .* Set layer="):
        grad_cam(pipeline.fit(X, y), X, layer="conv1")


# Augmentation in the network


def test_augmentation_in_the_network_varies_the_images_of_each_epoch(labelled):
    X, y = labelled
    varied = FineTunedCNNClassifier(filled(augmented()), trainable="head", head_epochs=2, **SEED)
    plain = FineTunedCNNClassifier(filled(in_sequence()), trainable="head", head_epochs=2, **SEED)
    assert varied.fit(X, y).history_["loss"] != plain.fit(X, y).history_["loss"]


def test_augmentation_in_the_network_leaves_predictions_alone(labelled):
    X, y = labelled
    classifier = FineTunedCNNClassifier(filled(augmented()), trainable="head", head_epochs=1)
    classifier.fit(X, y)
    np.testing.assert_array_equal(classifier.predict_proba(X), classifier.predict_proba(X))


def test_model_does_not_vary_images_however_it_is_called(labelled):
    X, y = labelled
    classifier = ScratchCNNClassifier(augmented(), epochs=1, **SEED).fit(X, y)
    found = classifier.model_(keras.ops.convert_to_tensor(X, dtype="float32"))
    np.testing.assert_allclose(found, classifier.predict_proba(X), atol=1e-5)


def test_other_engines_run_a_network_that_varies_images(images):
    pytest.importorskip("openvino")
    network = filled(augmented())
    found, expected = (
        PretrainedFeatureExtractor(network, engine=engine, cache=None).fit_transform(images)
        for engine in ("openvino", "keras")
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("stacked", [True, False], ids=["Sequential", "list"])
def test_augmentation_may_be_code_of_ones_own(stacked, labelled):
    class Noise(keras.layers.Layer):
        def call(self, inputs, training=None):
            return inputs + 1000.0 if training else inputs

    vary = [layers.RandomFlip(), Noise()]
    classifier = FineTunedCNNClassifier(
        filled(rescaled()), trainable="head", head_epochs=2,
        augmentation=keras.Sequential(vary) if stacked else vary, **SEED,
    )  # fmt: skip
    plain = clone(classifier).set_params(augmentation=None)
    assert classifier.fit(*labelled).history_["loss"] != plain.fit(*labelled).history_["loss"]


# What layers keep beside their weights


def adapted():
    """A network that normalises by what it saw of other images."""
    normalise = layers.Normalization()
    normalise.adapt(np.random.default_rng(0).uniform(50, 200, (20, *SIZE)))
    images = keras.Input(SIZE)
    return keras.Model(images, layers.Conv2D(4, 3)(normalise(images)))


def test_normalisation_that_was_adapted_is_copied(images):
    network = adapted()
    np.testing.assert_allclose(
        outputs(copy_network(network), images), outputs(network, images), rtol=1e-5
    )


def test_features_are_normalised_by_what_was_adapted_to(images):
    network = adapted()
    extractor = PretrainedFeatureExtractor(network, cache=None)
    expected = POOLED["avg"](outputs(network, images))
    np.testing.assert_allclose(extractor.fit_transform(images), expected, rtol=1e-4, atol=1e-5)


def test_fine_tuned_network_is_normalised_by_what_was_adapted_to(labelled):
    X, y = labelled
    network = adapted()
    classifier = FineTunedCNNClassifier(
        network, trainable=1, head_epochs=2, epochs=1, learning_rate=1e-9, **SEED
    ).fit(X, y)
    cut = keras.Model(classifier.model_.inputs, classifier.model_.get_layer("conv2d").output)
    np.testing.assert_allclose(outputs(cut, X), outputs(network, X), rtol=1e-3, atol=1e-4)
    loaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_allclose(loaded.predict_proba(X), classifier.predict_proba(X), atol=1e-6)


def test_random_weights_leave_what_was_adapted_to(images):
    network = build_backbone(adapted(), None, (24, 24))
    cut = keras.Model(network.inputs, network.layers[1].output)
    given = adapted()
    expected = keras.Model(given.inputs, given.layers[1].output)
    np.testing.assert_allclose(outputs(cut, images), outputs(expected, images), rtol=1e-5)


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
def test_weights_in_a_file_bring_what_was_adapted_to(suffix, tmp_path, images):
    network, path = adapted(), tmp_path / f"own{suffix}"
    network.save_weights(path) if suffix == ".weights.h5" else network.save(path)
    fresh = keras.Sequential([keras.Input(SIZE), layers.Normalization(), layers.Conv2D(4, 3)])
    loaded = build_backbone(fresh, path, (24, 24))
    np.testing.assert_allclose(outputs(loaded, images), outputs(network, images), rtol=1e-5)


def test_named_network_is_normalised_by_what_its_file_holds(tmp_path):
    network = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg"
    )
    normalise = next(x for x in network.layers if isinstance(x, layers.Normalization))
    normalise.set_weights([np.full(3, 0.4), np.full(3, 0.2), np.array(1)])
    normalise.finalize_state()
    network.save_weights(tmp_path / "b0.weights.h5")
    extractor = PretrainedFeatureExtractor(
        "EfficientNetB0",
        weights=tmp_path / "b0.weights.h5",
        layer="last",
        image_size=32,
        cache=None,
    )
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    expected = outputs(network, pixels)
    found = extractor.fit_transform(pixels)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
@pytest.mark.parametrize("given_as", ["model", "callable"])
def test_weights_in_a_file_of_a_nested_network(suffix, given_as, tmp_path, images):
    network, path = filled(rescaled()), tmp_path / f"own{suffix}"
    network.save_weights(path) if suffix == ".weights.h5" else network.save(path)
    backbone = rescaled() if given_as == "model" else lambda input_shape: rescaled()
    loaded = build_backbone(backbone, path, (24, 24))
    np.testing.assert_allclose(outputs(loaded, images), outputs(network, images), rtol=1e-5)


# Numbers


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "float64"])
@pytest.mark.parametrize("given_as", ["model", "callable"])
def test_network_computes_in_what_dtype_says(policy, given_as, images):
    def half(input_shape):
        stack = [layers.Conv2D(4, 3, dtype=policy), layers.ReLU(dtype=policy)]
        return filled(keras.Sequential([keras.Input(input_shape), *stack]))

    plain = filled(keras.Sequential([keras.Input(SIZE), layers.Conv2D(4, 3), layers.ReLU()]))
    backbone = half(SIZE) if given_as == "model" else half
    found = PretrainedFeatureExtractor(backbone, image_size=24, cache=None).fit_transform(images)
    expected = PretrainedFeatureExtractor(plain, cache=None).fit_transform(images)
    np.testing.assert_allclose(found, expected, rtol=1e-3 if policy == "float16" else 1e-6)


def test_network_of_batches_of_one_size_takes_any_number(images):
    inputs = keras.Input(batch_shape=(4, *SIZE))
    network = keras.Model(inputs, layers.Conv2D(4, 3)(inputs))
    assert PretrainedFeatureExtractor(network).fit_transform(images[:5]).shape == (5, 4)


# Code of one's own

SCALE = 1 / 127.5


def with_lambda():
    images = keras.Input(SIZE)
    x = layers.Lambda(lambda x: keras.ops.cast(x, "float32") * SCALE, name="own_code")(images)
    return keras.Model(images, layers.Conv2D(4, 3)(x))


def unregistered():
    class Scale(keras.layers.Layer):
        def __init__(self, by, **kwargs):
            super().__init__(**kwargs)
            self.by = by

        def call(self, inputs):
            return inputs * self.by

    images = keras.Input(SIZE)
    return keras.Model(images, layers.Conv2D(4, 3)(Scale(0.01, name="own_code")(images)))


@pytest.fixture(params=[with_lambda, unregistered])
def own_code(request):
    return filled(request.param())


def test_own_code_computes_in_a_copy_what_it_did(own_code, images):
    extractor = PretrainedFeatureExtractor(own_code)
    expected = POOLED["avg"](outputs(own_code, images))
    np.testing.assert_allclose(extractor.fit_transform(images), expected, rtol=1e-5)


def test_own_code_is_trained(own_code, labelled):
    X, y = labelled
    classifier = FineTunedCNNClassifier(own_code, trainable=1, head_epochs=2, epochs=1)
    expected = classifier.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(outputs(classifier.model_, X), expected, atol=1e-5)


def test_own_code_is_cross_validated(own_code, labelled):
    pipeline = make_pipeline(PretrainedFeatureExtractor(own_code), LogisticRegression())
    assert not np.isnan(cross_val_score(pipeline, *labelled, cv=2)).any()


@pytest.mark.parametrize("state", ["unfitted", "fitted"])
def test_own_code_that_could_not_be_loaded_again_is_not_pickled(state, own_code, images):
    extractor = PretrainedFeatureExtractor(own_code)
    if state == "fitted":
        extractor.fit(images).set_params(backbone=None)
    with pytest.raises(ValueError, match=r"'own_code'.*register_keras_serializable"):
        pickle.dumps(extractor)


def test_lambda_of_no_other_names_is_pickled(images):
    inputs = keras.Input(SIZE)
    x = layers.Lambda(lambda x: x / 127.5 - 1)(inputs)
    extractor = PretrainedFeatureExtractor(keras.Model(inputs, layers.Conv2D(4, 3)(x)))
    expected = extractor.fit_transform(images)
    loaded = pickle.loads(pickle.dumps(extractor))
    np.testing.assert_array_equal(loaded.transform(images), expected)


def test_lambda_is_pickled_where_a_global_has_the_name_of_an_attribute(monkeypatch):
    inputs = keras.Input(SIZE)
    x = layers.Lambda(lambda x: x / x.shape[-1])(inputs)
    extractor = PretrainedFeatureExtractor(keras.Model(inputs, layers.Conv2D(4, 3)(x)))
    monkeypatch.setitem(globals(), "shape", 1)
    pickle.dumps(extractor)


def test_global_name_of_a_lambda_is_named():
    with pytest.raises(
        ValueError, match=r"'own_code' holds code that uses the global name 'keras'"
    ):
        pickle.dumps(PretrainedFeatureExtractor(with_lambda()))


def test_object_of_a_lambda_is_named():
    by = np.full(3, 0.1, np.float32)
    inputs = keras.Input(SIZE)
    network = keras.Model(inputs, layers.Lambda(lambda x: x * by, name="own_code")(inputs))
    with pytest.raises(ValueError, match=r"'own_code' holds code that uses 'by', a ndarray"):
        pickle.dumps(PretrainedFeatureExtractor(network))


def test_registered_models_inside_are_pickled(images):
    extractor = PretrainedFeatureExtractor(filled(doubled()), cache=None)
    expected = extractor.fit_transform(images)
    loaded = pickle.loads(pickle.dumps(extractor))
    np.testing.assert_allclose(loaded.transform(images), expected, rtol=1e-6)


def two_levels_of_shape(input_shape):
    return filled(two_levels())


def with_lambda_of_shape(input_shape):
    return filled(with_lambda())


def test_network_is_saved_by_skops(images):
    skops_io = pytest.importorskip("skops.io")
    extractor = PretrainedFeatureExtractor(two_levels_of_shape, image_size=24, cache=None)
    expected = extractor.fit_transform(images)
    written = skops_io.dumps(extractor)
    loaded = skops_io.loads(written, trusted=skops_io.get_untrusted_types(data=written))
    np.testing.assert_allclose(loaded.transform(images), expected, rtol=1e-6)


def test_lambda_is_not_saved_by_skops(images):
    skops_io = pytest.importorskip("skops.io")
    extractor = PretrainedFeatureExtractor(with_lambda_of_shape, image_size=24)
    with pytest.raises(ValueError, match="'own_code' holds code"):
        skops_io.dumps(extractor.fit(images))


def test_clone_shares_the_network():
    network = rescaled()
    extractor = PretrainedFeatureExtractor(network, pooling="max")
    copied = clone(extractor)
    assert copied.backbone is network
    assert copied.pooling == "max"


def test_lambdas_of_other_code_are_other_networks(images):
    def network(by):
        scale = layers.Lambda(lambda x: x * by, name="scale")
        conv = layers.Conv2D(4, 3, kernel_initializer="ones")
        return keras.Sequential([keras.Input(SIZE), scale, conv])

    one, other = (PretrainedFeatureExtractor(network(by)).fit_transform(images) for by in (1, 2))
    np.testing.assert_allclose(2 * one, other)


class Forgetful(keras.layers.Layer):
    """Its config does not tell what it was made with."""

    def __init__(self, by=1.0, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def call(self, inputs):
        return inputs * self.by

    def get_config(self):
        return super().get_config() | {"by": 1.0}


def test_copy_that_computes_something_else_is_refused(images):
    inputs = keras.Input(SIZE)
    network = keras.Model(inputs, Forgetful(3.0)(inputs), name="lossy")
    with pytest.raises(ValueError, match=r"'lossy' computes something else.* of Forgetful"):
        PretrainedFeatureExtractor(network).fit(images)


def test_layer_that_cannot_be_copied_is_named(images):
    class Tells(keras.layers.Layer):
        def __init__(self, function):
            super().__init__(name="secret")
            self.function = function

        def call(self, inputs):
            return self.function(inputs)

    inputs = keras.Input(SIZE)
    network = keras.Model(inputs, Tells(keras.ops.square)(inputs))
    with pytest.raises(ValueError, match=r"'secret' cannot be copied.*Tells a get_config\(\)"):
        PretrainedFeatureExtractor(network).fit(images)


class TableWithoutConfig(keras.layers.Layer):
    """Keras cannot tell how it was made."""

    def __init__(self, table, **kwargs):
        super().__init__(**kwargs)
        self.table = table

    def call(self, inputs):
        return inputs * float(self.table.sum())


def test_what_keras_says_of_a_layer_that_cannot_be_copied_is_not_cut(images):
    inputs = keras.Input(SIZE)
    network = keras.Model(inputs, TableWithoutConfig(np.ones(3))(inputs))
    with pytest.raises(ValueError, match=r"passing non-serializable argument values in `__init__"):
        PretrainedFeatureExtractor(network).fit(images)


# Networks that cannot work


def several_inputs():
    one, other = keras.Input(SIZE), keras.Input(SIZE)
    return keras.Model([one, other], layers.Add()([one, other]), name="wrong")


def several_outputs():
    images = keras.Input(SIZE)
    return keras.Model(images, [images, layers.ReLU()(images)], name="wrong")


def unbuilt():
    return keras.Sequential([layers.Conv2D(4, 3)], name="wrong")


def of_shape(*shape):
    return keras.Sequential([keras.Input(shape), layers.Identity()], name="wrong")


def its_own_call():
    images = keras.Input(SIZE)
    return Doubled(images, layers.ReLU()(images), name="wrong")


WRONG = {
    "two inputs": (several_inputs, r"'wrong' has 2 inputs"),
    "two outputs": (several_outputs, r"'wrong' has 2 outputs.*model.outputs\[0\]"),
    "unbuilt": (unbuilt, r"'wrong' does not know its input yet: put keras.Input"),
    "subclassed": (lambda: Opaque(name="wrong"), r"class Opaque.*keras.Model\(images, model"),
    "functional, own call": (its_own_call, r"class Doubled.*keras.Model\(images, model"),
    "one channel": (lambda: of_shape(24, 24, 1), r"\(24, 24, 1\).*keras.ops.mean\(images"),
    "channels first": (lambda: of_shape(3, 24, 24), r"\(3, 24, 24\).*channels_last"),
    "vectors": (lambda: of_shape(24), r"arrays of shape \(24,\), and images are"),
    "other size": (lambda: of_shape(32, 40, 3), r"\(32, 40, 3\).*set image_size=\(32, 40\)"),
}
ESTIMATORS = [PretrainedFeatureExtractor, FineTunedCNNClassifier, ScratchCNNClassifier]


@pytest.fixture
def broken_files(tmp_path):
    """Files that begin as images do, and that nobody can decode."""
    paths = [tmp_path / f"{i}.png" for i in range(4)]
    for i, path in enumerate(paths):
        Image.fromarray(np.full((24, 24, 3), i, np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:45])
    return [str(path) for path in paths]


@pytest.mark.parametrize(("make", "message"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("given_as", ["model", "callable"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_network_that_cannot_work_is_named_before_decoding(
    make, message, given_as, estimator, broken_files
):
    backbone = make() if given_as == "model" else lambda input_shape: make()
    with pytest.raises(ValueError, match=message):
        estimator(backbone, image_size=24).fit(broken_files, [0, 1, 0, 1])


def test_layer_is_no_backbone(images):
    with pytest.raises(TypeError, match=r"is a layer, not a network"):
        PretrainedFeatureExtractor(layers.Conv2D(4, 3)).fit(images)


@pytest.mark.parametrize("library", ["torch", "tf_keras"])
def test_network_of_another_library_is_no_backbone(library, images):
    kind = type("Net", (), {"__module__": f"{library}.nn", "__call__": lambda self, x: x})
    with pytest.raises(TypeError, match=rf"Net is a network of {library}"):
        PretrainedFeatureExtractor(kind()).fit(images)


def test_function_of_keras_is_no_backbone(images):
    match = r"is a function of Keras: give its name, backbone='MobileNetV2'"
    with pytest.raises(TypeError, match=match):
        PretrainedFeatureExtractor(keras.applications.MobileNetV2).fit(images)


def test_function_of_other_arguments_is_no_backbone(images):
    with pytest.raises(TypeError, match=r"backbone=.* of one argument, the shape of the images"):
        PretrainedFeatureExtractor(lambda height, width: rescaled()).fit(images)


def test_function_of_a_namespace_without_a_name_builds_a_network(images):
    scope = {"make": rescaled}
    exec("def build(input_shape): return make()", scope)
    extractor = PretrainedFeatureExtractor(scope["build"], image_size=24)
    assert extractor.fit_transform(images).shape == (12, 8)


@pytest.mark.parametrize("name", ["m.keras", "folder/m.h5"])
def test_file_is_no_backbone(name, images):
    match = rf"backbone='{name}' is a file; give .*keras\.models\.load_model\('{name}'\)"
    with pytest.raises(ValueError, match=match):
        PretrainedFeatureExtractor(name).fit(images)


def test_grey_network_works_as_the_error_says(images):
    model = of_shape(24, 24, 1)
    inputs = keras.Input(SIZE)
    network = keras.Model(inputs, model(keras.ops.mean(inputs, axis=-1, keepdims=True)))
    assert PretrainedFeatureExtractor(network).fit_transform(images).shape == (12, 1)


def test_subclassed_model_works_as_the_error_says(images):
    inputs = keras.Input(SIZE)
    network = keras.Model(inputs, Opaque()(inputs))
    assert PretrainedFeatureExtractor(network).fit_transform(images).shape == (12, 4)
