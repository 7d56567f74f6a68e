"""Grad-CAM, worst mistakes and learning history."""

import sys

import keras
import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import Pipeline
from imblearn.under_sampling import RandomUnderSampler
from matplotlib import pyplot as plt
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
from sklearn.svm import SVC, LinearSVC

from skdr import (
    FineTunedCNNClassifier,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
    as_image_column,
)
from skdr.inspection import GradCAMDisplay, LearningHistoryDisplay, MistakesDisplay, grad_cam
from skdr.runtime import SplitNetwork
from tests.with_keras import tiny_network


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def red_and_green(input_shape):
    """Two channels on a quarter of the pixels: the mean red and the mean green of each."""
    network = keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Conv2D(2, 2, strides=2, use_bias=False, name="conv"),
        ]
    )
    kernel = np.zeros((2, 2, 3, 2), dtype=np.float32)
    kernel[:, :, 0, 0] = kernel[:, :, 1, 1] = 1 / 4
    network.set_weights([kernel])
    return network


RED = np.zeros((4, 4, 3), dtype=np.uint8)
RED[:2, :2, 0] = 80  # upper left
RED[2:, 2:, 1] = 40  # green, lower right
GREEN = np.ascontiguousarray(RED[:, :, [1, 0, 2]])


def on_colours(*steps, **parameters):
    extractor = PretrainedFeatureExtractor(red_and_green, image_size=4, **parameters)
    return make_pipeline(extractor, *steps).fit(np.stack([RED, GREEN] * 4), [0, 1] * 4)


def small_fine_tuned(**parameters):
    return FineTunedCNNClassifier(
        tiny_network, weights=None, image_size=24, random_state=0,
        **{"trainable": "head", "head_epochs": 5, "C": 1.0, "head_learning_rate": 0.01}
        | parameters,
    )  # fmt: skip


def small_scratch(**parameters):
    settings = {"epochs": 10, "learning_rate": 0.01, "image_size": 24, "random_state": 0}
    return ScratchCNNClassifier(tiny_network, **settings | parameters)


def small_pipeline(classifier=None, **parameters):
    settings = {"weights": None, "image_size": 24, "random_state": 0} | parameters
    return make_pipeline(
        PretrainedFeatureExtractor(tiny_network, **settings),
        StandardScaler(),
        LogisticRegression() if classifier is None else classifier,
    )


MODELS = {"fine-tuned": small_fine_tuned, "scratch": small_scratch, "pipeline": small_pipeline}


def test_map_worked_out_by_hand():
    """The gradient of a channel's mean over 4 pixels is 1/4 of its coefficient."""
    pipeline = on_colours(LogisticRegression())
    pipeline[-1].coef_ = np.array([[-2.0, 1.0]])
    maps = grad_cam(pipeline, RED[None], target=[0]).heat_maps
    # For class 0: 2/4 of the red less 1/4 of the green, and the negative part cut off.
    np.testing.assert_allclose(maps, [[[40, 0], [0, 0]]])


def test_other_class_of_two_is_the_opposite():
    pipeline = on_colours(LogisticRegression())
    pipeline[-1].coef_ = np.array([[-2.0, 1.0]])
    maps = grad_cam(pipeline, RED[None], target=1).heat_maps
    np.testing.assert_allclose(maps, [[[0, 0], [0, 10]]])


def test_scaler_divides_the_coefficients():
    pipeline = on_colours(StandardScaler(), LogisticRegression())
    pipeline[1].scale_ = np.array([4.0, 1.0])
    pipeline[-1].coef_ = np.array([[-2.0, 1.0]])
    maps = grad_cam(pipeline, RED[None], target=0).heat_maps
    np.testing.assert_allclose(maps, [[[10, 0], [0, 0]]], rtol=1e-6)


def test_maximum_pooling_looks_at_the_maximum_alone():
    pipeline = on_colours(LogisticRegression(), pooling="max")
    pipeline[-1].coef_ = np.array([[-2.0, 1.0]])
    maps = grad_cam(pipeline, RED[None], target=0).heat_maps
    # The gradient is 1 at the maximum and 0 elsewhere, so that its mean is 1/4 again.
    np.testing.assert_allclose(maps, [[[40, 0], [0, 0]]])


def class_activation_maps(network, images, coef):
    """Class activation maps by their formula; coef has one row an image."""
    below = keras.Model(network.inputs[0], network.get_layer("relu2").output)
    maps = keras.ops.convert_to_numpy(below(images.astype("float32")))
    weighted = np.einsum("nijk,nk->nij", maps, coef) / np.prod(maps.shape[1:3])
    return np.maximum(weighted, 0)


@pytest.mark.parametrize("classifier", [LogisticRegression(), RidgeClassifier(), LinearSVC()])
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), PCA(5), "passthrough"])
def test_on_a_linear_model_equals_the_class_activation_map(classifier, scaler, coloured):
    X, y = coloured
    pipeline = small_pipeline(classifier)
    pipeline.steps[1] = ("scaler", scaler)
    pipeline.fit(X, y)
    linear = {
        "StandardScaler": lambda: np.diag(1 / scaler.scale_),
        "MinMaxScaler": lambda: np.diag(scaler.scale_),
        "PCA": lambda: scaler.components_.T,
        "str": lambda: np.eye(16),
    }[type(scaler).__name__]()
    expected = class_activation_maps(
        pipeline[0].model_, X[:6], (linear @ classifier.coef_.T).T[y[:6]]
    )
    maps = grad_cam(pipeline, X[:6], target=y[:6]).heat_maps
    np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-5 * expected.max())


def test_linear_svm_sums_its_decisions_against_the_others(coloured):
    X, y = coloured
    pipeline = small_pipeline(SVC(kernel="linear"))
    pipeline.steps[1] = ("scaler", "passthrough")
    pipeline.fit(X, y)
    first, second, third = pipeline[-1].coef_  # 0 against 1, 0 against 2, 1 against 2
    by_class = np.stack([first + second, third - first, -second - third])
    expected = class_activation_maps(pipeline[0].model_, X[:6], by_class[y[:6]])
    maps = grad_cam(pipeline, X[:6], target=y[:6]).heat_maps
    np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-5 * expected.max())


def test_classifier_is_seen_before_its_softmax(coloured):
    X, y = coloured
    classifier = small_fine_tuned().fit(X, y)
    network = classifier.model_
    kernel = network.get_layer("classes").get_weights()[0]
    variance = network.get_layer("standardise").get_weights()[1]
    expected = class_activation_maps(network, X[:6], (kernel / np.sqrt(variance)[:, None]).T[y[:6]])
    maps = grad_cam(classifier, X[:6], target=y[:6]).heat_maps
    np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-5 * expected.max())


def test_gradient_of_hidden_layers_equals_finite_differences():
    rng = np.random.default_rng(0)
    tiny = tiny_network((8, 8, 3))
    hidden = keras.layers.Dense(5, "tanh")
    network = keras.Model(tiny.inputs, hidden(keras.layers.Flatten()(tiny.outputs[0])))
    weights = rng.normal(0, 0.3, (64, 5))
    hidden.set_weights([weights, np.zeros(5)])
    coef = rng.normal(size=(1, 5))
    split = SplitNetwork(network, network.get_layer("relu2"))
    maps, gradients = split(rng.integers(0, 256, (1, 8, 8, 3)), coef)

    def score(maps):
        return float((np.tanh(maps.reshape(1, -1) @ weights) * coef).sum())

    steps = 1e-4 * np.eye(64).reshape(64, 1, 2, 2, 16)
    differences = [(score(maps + step) - score(maps - step)) / 2e-4 for step in steps]
    np.testing.assert_allclose(gradients.ravel(), differences, rtol=1e-3, atol=1e-5)


def test_what_passes_by_a_layer_is_held_fixed():
    images = keras.Input((4, 4, 3))
    branch = keras.layers.Conv2D(3, 1, name="branch")(images)
    total = keras.layers.Add()([branch, images, branch])
    network = keras.Model(images, keras.layers.GlobalAveragePooling2D()(total))
    split = SplitNetwork(network, network.get_layer("branch"))
    _, gradients = split(np.ones((1, 4, 4, 3)), np.array([[1.0, 2.0, 0.0]]))
    np.testing.assert_allclose(gradients[0, 0, 0], [2 / 16, 4 / 16, 0])


@pytest.fixture(scope="module")
def patches():
    """Grey noise with one patch, red or green, that decides the class."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    images = np.repeat(rng.integers(80, 120, (60, 24, 24, 1)), 3, axis=-1)
    corners = rng.integers(0, 3, (60, 2)) * 8
    for image, label, (top, left) in zip(images, y, corners, strict=True):
        image[top : top + 8, left : left + 8] = (255, 0, 0) if label else (0, 255, 0)
    return images.astype(np.uint8), y, corners


@pytest.mark.parametrize("model", MODELS)
def test_map_is_highest_on_the_patch_that_decides(model, patches):
    X, y, corners = patches
    parameters = {"head_epochs": 30} if model == "fine-tuned" else {}
    estimator = MODELS[model](**parameters).fit(X, y)
    display = GradCAMDisplay.from_estimator(estimator, X[:20], target=y[:20])
    highest = [np.unravel_index(m.argmax(), m.shape) for m in display.heat_maps]
    centres = np.array(highest) + 0.5 - (corners[:20] + 4)
    assert np.mean(np.abs(centres).max(axis=1) <= 4) >= 0.9


@pytest.mark.parametrize("model", MODELS)
def test_target_is_the_predicted_class_unless_given(model, coloured):
    estimator = MODELS[model]().fit(*coloured)
    result = grad_cam(estimator, coloured[0][:5])
    np.testing.assert_array_equal(result.target, estimator.predict(coloured[0][:5]))


def test_one_target_for_all(coloured):
    X, y = coloured
    labels = np.array(["red", "green", "blue"])[y]
    classifier = small_fine_tuned().fit(X, labels)
    for_all = grad_cam(classifier, X[:4], target="green").heat_maps
    one_each = grad_cam(classifier, X[:4], target=["green"] * 4).heat_maps
    np.testing.assert_array_equal(for_all, one_each)


def test_batches_do_not_matter(coloured):
    X, y = coloured
    classifier = small_fine_tuned(batch_size=3).fit(X, y)
    single = [grad_cam(classifier, X[[i]]).heat_maps[0] for i in range(7)]
    np.testing.assert_allclose(grad_cam(classifier, X[:7]).heat_maps, single, rtol=1e-4, atol=1e-8)


def test_last_map_of_several_layers_and_any_layer_by_name(coloured):
    X, y = coloured
    pipeline = small_pipeline(layer=["relu1", "last"]).fit(X, y)
    shapes = [grad_cam(pipeline, X[:1], layer=name).heat_maps.shape for name in (None, "relu1")]
    assert shapes == [(1, 6, 6), (1, 12, 12)]


def test_named_tap(coloured):
    X, y = coloured
    classifier = FineTunedCNNClassifier(
        weights=None, trainable="head", head_epochs=1, image_size=64
    )
    result = grad_cam(classifier.fit(X[:6], y[:6]), X[:1], layer="block3")
    assert result.heat_maps.shape == (1, 8, 8)


def test_bfloat16(coloured):
    X, y = coloured
    classifier = small_fine_tuned(dtype="bfloat16").fit(X, y)
    exact = small_fine_tuned().fit(X, y)
    maps, expected = (grad_cam(c, X[:6], target=y[:6]).heat_maps for c in (classifier, exact))
    np.testing.assert_allclose(maps, expected, atol=0.1 * expected.max())


def test_behind_a_sampler_in_a_search(coloured):
    X, y = as_image_column(coloured[0]), coloured[1]
    pipeline = Pipeline(
        [("sampler", RandomUnderSampler(random_state=0)), ("model", small_pipeline())]
    )
    grid = {"model__logisticregression__C": [0.1, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    expected = grad_cam(search.best_estimator_.named_steps["model"], X[:3]).heat_maps
    np.testing.assert_array_equal(grad_cam(search, X[:3]).heat_maps, expected)


@pytest.fixture(scope="module")
def files(coloured, tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    paths = [str(folder / f"{i}.png") for i in range(6)]
    for path, image in zip(paths, coloured[0], strict=False):
        Image.fromarray(image).save(path)
    return paths


@pytest.mark.parametrize("form", ["paths", "rows", "frame", "column", "PIL images"])
def test_any_form_of_images_gives_the_same_maps(form, coloured, files):
    X, y = coloured
    classifier = small_scratch(epochs=1, image_column="image", image_shape=(24, 24, 3)).fit(X, y)
    given = {
        "paths": files,
        "rows": X[:6].reshape(6, -1),
        "frame": pd.DataFrame({"patient": range(6), "image": files}),
        "column": as_image_column(X[:6]),
        "PIL images": [Image.fromarray(image) for image in X[:6]],
    }[form]
    expected = grad_cam(classifier, X[:6], target=0).heat_maps
    np.testing.assert_array_equal(grad_cam(classifier, given, target=0).heat_maps, expected)


def upper_half(image):
    return image[: len(image) // 2]


def test_images_are_shown_as_preprocessed_and_not_squeezed(coloured):
    classifier = small_scratch(epochs=1, preprocess=upper_half).fit(*coloured)
    images = [np.zeros((40, 60, 3), np.uint8), np.zeros((80, 30, 3), np.uint8)]
    display = GradCAMDisplay.from_estimator(classifier, images)
    assert [image.shape for image in display.images] == [(20, 60, 3), (40, 30, 3)]


def test_maps_have_the_size_of_their_images(coloured):
    classifier = small_scratch(epochs=1).fit(*coloured)
    images = [np.zeros((40, 60, 3), np.uint8), np.zeros((2048, 1024, 3), np.uint8)]
    display = GradCAMDisplay.from_estimator(classifier, images)
    assert [heat_map.shape for heat_map in display.heat_maps] == [(40, 60), (1024, 512)]


def test_caption_takes_file_names_literally(coloured, tmp_path):
    path = tmp_path / "a_$x^{$_b.png"
    Image.fromarray(coloured[0][0]).save(path)
    labels = np.array(["$0_$", "$1_$", "$2_$"])[coloured[1]]
    classifier = small_scratch(epochs=1).fit(coloured[0], labels)
    display = GradCAMDisplay.from_estimator(classifier, [path], target="$1_$")
    display.figure_.savefig(tmp_path / "figure.png")
    title = display.axes_[0].get_title()
    assert title.splitlines()[1] == "a_$x^{$_b.png"
    assert title.startswith("evidence for $1_$ (predicted")


def test_display_draws_on_given_axes(coloured):
    classifier = small_scratch(epochs=1).fit(*coloured)
    _, axes = plt.subplots(1, 2)
    display = GradCAMDisplay.from_estimator(classifier, coloured[0][:2], axes=axes)
    assert list(display.axes_) == list(axes)


def test_too_few_axes(coloured):
    classifier = small_scratch(epochs=1).fit(*coloured)
    with pytest.raises(ValueError, match="axes holds 1 Axes for 2 images"):
        GradCAMDisplay.from_estimator(classifier, coloured[0][:2], axes=[plt.gca()])


def test_nothing_of_the_callers_is_changed(coloured):
    X = coloured[0][:3].copy()
    classifier = small_scratch(epochs=1).fit(*coloured)
    before = set(vars(classifier))
    grad_cam(classifier, X)
    assert set(vars(classifier)) == before
    np.testing.assert_array_equal(X, coloured[0][:3])


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        (small_pipeline(KNeighborsClassifier()), TypeError, "KNeighborsClassifier"),
        (small_pipeline(SVC(kernel="rbf")), TypeError, "not linear"),
        (
            small_pipeline(make_pipeline(Normalizer(), LogisticRegression())),
            ValueError,
            r"Normalizer\(\) is not affine",
        ),
        (KNeighborsClassifier(), TypeError, "KNeighborsClassifier holds no estimator of skdr"),
    ],
)
def test_estimator_without_maps_is_refused(estimator, error, message, coloured):
    X, y = coloured[0].reshape(60, -1), coloured[1]
    estimator.fit(X, y)
    with pytest.raises(error, match=message):
        grad_cam(estimator, X[:8])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"target": 7}, r"target holds \[7\], not in the classes"),
        ({"target": [0, 1]}, r"target has shape \(2,\); X holds 3 images"),
        ({"layer": "relu3"}, "layer='relu3' is no feature map.*'relu2'"),
        ({"layer": "classes"}, "layer='classes' is no feature map"),
    ],
)
def test_bad_parameters_are_named(parameters, message, coloured):
    classifier = small_scratch(epochs=1).fit(*coloured)
    with pytest.raises(ValueError, match=message):
        grad_cam(classifier, coloured[0][:3], **parameters)


def test_map_of_one_pixel_is_refused(coloured):
    classifier = small_scratch(epochs=1, image_size=4).fit(*coloured)
    with pytest.raises(ValueError, match="one pixel"):
        grad_cam(classifier, coloured[0][:3])


def test_missing_matplotlib_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "skdr\[plots\]"'):
        LearningHistoryDisplay({"phase": ["train"], "loss": [1.0]}).plot()


BLANK = np.zeros((6, 8, 8, 3), dtype=np.uint8)


def test_worst_mistake_gave_the_true_class_least():
    display = MistakesDisplay.from_predictions(
        BLANK[:4], ["a", "a", "b", "b"], ["b", "b", "b", "a"],
        y_score=[[0.3, 0.7], [0.1, 0.9], [0.4, 0.6], [0.8, 0.2]],
    )  # fmt: skip
    assert display.indices.tolist() == [1, 3, 0]


def test_worst_grade_is_farthest_off_and_then_least_probable():
    y_score = np.full((6, 5), 0.2)
    y_score[4, 3] = 0.1
    display = MistakesDisplay.from_predictions(
        BLANK, [0, 4, 1, 3, 3, 2], [1, 0, 1, 1, 1, 1], y_score=y_score, labels=range(5), graded=True
    )
    assert display.indices.tolist() == [1, 4, 3, 0, 5]


def test_caption_of_a_mistake():
    display = MistakesDisplay.from_predictions(
        BLANK[:1], ["a_$x$"], ["b"], y_score=[[0.25, 0.75]], labels=["a_$x$", "b"]
    )
    lines = ["true: a_$x$ (0.25)", "predicted: b (0.75)", "X[0]"]
    assert display.axes_[0].get_title().splitlines() == lines


def test_long_file_names_are_shortened(tmp_path):
    path = tmp_path / f"{'x' * 40}_left.jpeg"
    Image.fromarray(BLANK[0]).save(path)
    display = MistakesDisplay.from_predictions([path], [0], [1])
    name = display.axes_[0].get_title().splitlines()[-1]
    assert name == "x" * 12 + "…xx_left.jpeg"


def test_only_images_that_are_shown_are_decoded(tmp_path, files):
    broken = tmp_path / "broken.png"
    broken.write_text("no image")
    display = MistakesDisplay.from_predictions(
        [broken, files[0], files[1]], [0, 0, 0], [0, 1, 1], n_images=1
    )
    assert display.names == ["0.png"]


def test_no_mistakes():
    display = MistakesDisplay.from_predictions(BLANK, [0] * 6, [0] * 6)
    assert display.figure_.get_suptitle() == "No mistakes"


def test_class_that_the_classifier_does_not_know_is_worst():
    display = MistakesDisplay.from_predictions(
        BLANK[:2], [0, 9], [1, 1], y_score=[[0.1, 0.9], [0.2, 0.8]], labels=[0, 1]
    )
    assert display.indices.tolist() == [1, 0]


def test_scores_must_have_a_column_a_class():
    with pytest.raises(ValueError, match=r"y_score has shape \(2, 5\), expected \(2, 2\).*labels="):
        MistakesDisplay.from_predictions(BLANK[:2], [0, 1], [1, 1], y_score=np.ones((2, 5)))


def test_lengths_that_differ_are_named():
    with pytest.raises(ValueError, match="X has 2, y_true has 2, y_pred has 1"):
        MistakesDisplay.from_predictions(BLANK[:2], [0, 1], [1])


def test_grades_must_be_numbers():
    with pytest.raises(ValueError, match="grades that are numbers"):
        MistakesDisplay.from_predictions(BLANK[:2], ["a", "b"], ["a", "a"], graded=True)


@pytest.mark.parametrize("classifier", [LogisticRegression(), LinearSVC()])
def test_mistakes_of_an_estimator(classifier, coloured):
    X, y = coloured
    wrong = y.copy()
    wrong[[4, 30]] = (y[[4, 30]] + 1) % 3
    pipeline = small_pipeline(classifier).fit(X, y)
    display = MistakesDisplay.from_estimator(pipeline, X, wrong, n_images=2)
    assert sorted(display.indices) == [4, 30]


def test_history_has_a_panel_a_metric_and_marks_the_phases(coloured):
    classifier = small_fine_tuned(trainable="all", head_epochs=3, epochs=2, early_stopping=True)
    display = LearningHistoryDisplay.from_estimator(classifier.fit(*coloured))
    assert [axis.get_ylabel() for axis in display.axes_] == ["loss", "accuracy"]
    names = [text.get_text() for text in display.axes_[0].texts]
    assert names == ["head", "fine_tune"]


def test_history_draws_the_boundary_and_the_epoch_that_is_kept():
    history = {
        "phase": ["head", "head", "fine_tune"],
        "loss": [3.0, 2.0, 1.0],
        "val_loss": [3.0, 1.0, 2.0],
    }
    axis = LearningHistoryDisplay(history).plot().axes_[0]
    points = {line.get_label(): np.asarray(line.get_xydata()).tolist() for line in axis.lines}
    assert points["kept"] == [[2, 1.0]]
    assert [2.5, 0] in points["_child3"]


def test_history_refuses_an_unknown_metric():
    with pytest.raises(ValueError, match=r"metrics=\['auc'\] are not in the history"):
        LearningHistoryDisplay({"phase": ["train"], "loss": [1.0]}).plot(metrics=["auc"])


def test_estimator_without_history_is_refused(coloured):
    with pytest.raises(TypeError, match="has no history_"):
        LearningHistoryDisplay.from_estimator(small_pipeline().fit(*coloured))
