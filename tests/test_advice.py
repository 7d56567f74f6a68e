"""Advice: one pass over two networks, honest folds, decisions that follow from numbers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from imblearn.under_sampling import RandomUnderSampler
from matplotlib import pyplot as plt
from sklearn.model_selection import ShuffleSplit, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from skdr import PretrainedFeatureExtractor, as_image_column, clear_feature_cache
from skdr.model_selection import StrategyAdvice, make_strategies, recommend_strategy
from skdr.model_selection.advice._decision import (
    Experience,
    Gain,
    PredictedScore,
    decide,
    predict_scores,
    textbook_scenario,
)
from skdr.model_selection.advice._evidence import Evidence, layer_features
from skdr.model_selection.advice._probe import doubling_gains, learning_curve
from skdr.model_selection.advice._recommend import _at_layer
from skdr.model_selection.comparison._folds import make_splits
from skdr.networks import build_backbone
from skdr.runtime._forward import ForwardPass
from tests.with_keras import tiny_network


def strategies(**kwargs):
    own = make_strategies(tiny_network, image_size=16, random_state=0, **kwargs)
    own["frozen_svm"].set_params(svm__C=0.1)  # for 16 features
    return own


@pytest.fixture(scope="module")
def advice(coloured):
    X, y = coloured
    groups = np.repeat(np.arange(30), 2)
    return recommend_strategy(X, y, groups=groups, strategies=strategies(), cv=3, random_state=0)


def evidence_of(**changes):
    """Evidence on 300 images of three classes, of which the last layer is best."""
    fold = np.array([-0.01, 0.0, 0.01])
    defaults = {
        "n_by_class": {0: 100, 1: 100, 2: 100},
        "n_groups": None,
        "n_measured": 300,
        "widths": {"block1": 8, "last": 16},
        "test_share": 0.5,
        "curve": {50: 0.6 + fold, 100: 0.65 + fold, 200: 0.7 + fold},
        "pretrained": {"block1": 0.6 + fold, "last": 0.7 + fold},
        "random": {"block1": 0.5 + fold, "last": 0.4 + fold},
        "transfer": 0.7 + fold,
        "mean_shift": {"block1": 0.1, "last": 0.4},
        "logme": {"block1": 0.1, "last": 0.2},
        "h_score": {"block1": 1.0, "last": 1.5},
    }
    return Evidence(**{**defaults, **changes})


def advice_on(evidence):
    return StrategyAdvice(evidence, {})


# What is measured


def test_each_image_passes_two_networks_once(coloured, monkeypatch):
    X, y = coloured
    clear_feature_cache()
    passed = []
    forward = ForwardPass.__call__

    def counted(self, batches, *weights):
        count = (passed.append(len(batch)) or batch for batch in batches)
        return forward(self, count, *weights)

    monkeypatch.setattr(ForwardPass, "__call__", counted)
    recommend_strategy(X, y, strategies=strategies(cache=None), cv=3, random_state=1)
    assert sum(passed) == 2 * len(np.unique(X.reshape(len(X), -1), axis=0))


def test_frozen_features_are_scored_as_the_strategy_would_be(coloured):
    X, y = coloured
    own = {**strategies()}
    splits = make_splits(3, y, None, 0)
    advice = recommend_strategy(X, y, strategies=own, cv=splits)
    expected = cross_val_score(
        own["frozen_svm"], as_image_column(X), y, cv=splits, scoring="balanced_accuracy"
    )
    np.testing.assert_allclose(advice.evidence.pretrained["all"], expected)


def test_transfer_is_scored_nearly_as_the_strategy_would_be(coloured):
    X, y = coloured
    splits = make_splits(3, y, None, 0)
    measured = recommend_strategy(X, y, strategies=strategies(), cv=splits).evidence.transfer
    expected = cross_val_score(
        strategies()["transfer"], as_image_column(X), y, cv=splits, scoring="balanced_accuracy"
    )
    np.testing.assert_allclose(measured, expected, atol=0.05)


def test_layers_are_columns_of_one_pass(coloured):
    X, _ = coloured
    extractor = PretrainedFeatureExtractor(image_size=32)
    features, _ = layer_features(extractor, X[:6])
    assert list(features) == ["block2", "block3", "block4", "block5", "block7", "last", "all"]
    alone = PretrainedFeatureExtractor(image_size=32, layer="block4").fit_transform(X[:6])
    np.testing.assert_array_equal(features["block4"], alone)


def test_layers_side_by_side_are_one_candidate(coloured):
    X, _ = coloured
    extractor = PretrainedFeatureExtractor(image_size=32, layer=["block5", "last"])
    features, _ = layer_features(extractor, X[:6])
    assert list(features)[-1] == "block5 + last"
    expected = np.hstack([features["block5"], features["last"]])
    np.testing.assert_array_equal(features["block5 + last"], expected)


def test_mean_shift_is_that_of_the_activations_before_the_batch_norm(coloured):
    """Computed by another network, cut before the layer, from all pixels of all images."""
    import keras

    X, _ = coloured
    extractor = PretrainedFeatureExtractor(image_size=32)
    _, shift = layer_features(extractor, X)
    network = build_backbone("EfficientNetLite0", "imagenet", (32, 32))
    layer = [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)][-1]
    before = keras.Model(network.input, layer.input)
    resized = keras.ops.convert_to_numpy(keras.ops.stack([_resized(image) for image in X]))
    activations = before.predict(resized, verbose=0)
    _, _, mean, variance = layer.get_weights()
    shifts = (activations.mean(axis=(0, 1, 2)) - mean) / np.sqrt(variance)
    assert shift["last"] == pytest.approx(np.sqrt(np.mean(shifts**2)), rel=1e-3)


def _resized(image):
    from skdr.images import as_image_source, decode_all

    return decode_all(as_image_source(image[None]), (32, 32), 1)[0].astype(np.float32)


def test_a_network_without_batch_norm_has_no_shift(coloured):
    import keras

    def plain(input_shape):
        layers = [keras.Input(input_shape), keras.layers.Conv2D(4, 3, name="conv")]
        return keras.Sequential(layers)

    X, y = coloured
    own = make_strategies(plain, image_size=16, random_state=0)
    advice = recommend_strategy(X, y, strategies=own, cv=3, random_state=0)
    assert advice.evidence.mean_shift == {}
    assert "stored standard deviations" not in str(advice)


def test_learning_curve_keeps_patients_out_of_the_test_side():
    seen = []

    class Spy(SVC):
        def fit(self, X, y):
            seen.append(set(X[:, 1]))
            return super().fit(X, y)

        def predict(self, X):
            assert not seen[-1] & set(X[:, 1])
            return super().predict(X)

    groups = np.repeat(np.arange(40), 2)
    y = groups % 2
    features = np.column_stack([y + 0.1 * np.arange(80), groups]).astype(np.float32)
    splits = make_splits(4, y, groups, 0)
    curve = learning_curve(Spy(), features, y, groups, splits, 0)
    assert list(curve) == [16, 32, 60]
    assert len(seen) == 12


def test_parts_of_the_learning_curve_hold_whole_patients():
    sizes = []

    class Spy(SVC):
        def fit(self, X, y):
            sizes.append(np.unique(X[:, 1], return_counts=True)[1])
            return super().fit(X, y)

    groups = np.repeat(np.arange(40), 2)
    y = groups % 2
    features = np.column_stack([y, groups]).astype(np.float32)
    learning_curve(Spy(), features, y, groups, make_splits(4, y, groups, 0), 0)
    assert all((counts == 2).all() for counts in sizes)


def test_doubling_gain_is_the_slope_over_doublings():
    curve = {50: np.array([0.5, 0.4]), 100: np.array([0.6, 0.4]), 200: np.array([0.7, 0.4])}
    np.testing.assert_allclose(doubling_gains(curve), [0.1, 0.0], atol=1e-12)


def test_of_many_images_whole_patients_are_drawn(coloured):
    X, y = coloured
    groups = np.repeat(np.arange(30), 2)
    advice = recommend_strategy(
        X, y, groups=groups, strategies=strategies(), cv=2, max_images=30, random_state=0
    )
    assert advice.evidence.n_measured == 30
    assert advice.evidence.n_images == 60
    assert "Scores come from 30 of them." in str(advice)


def test_sampler_works_inside_training_folds(coloured):
    X, y = coloured
    rows = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:6]]
    sampler = RandomUnderSampler(random_state=0)
    advice = recommend_strategy(
        X[rows], y[rows], strategies=strategies(), cv=3, sampler=sampler, random_state=0
    )
    assert [name for name, _ in advice.estimator.steps] == ["sampler", "strategy"]
    assert advice.evidence.pretrained["all"].mean() > 0.9


@pytest.mark.parametrize("form", ["flat rows", "frame"])
def test_forms_of_images(coloured, form):
    X, y = coloured
    if form == "flat rows":
        given, own = X.reshape(len(X), -1), strategies(image_shape=(24, 24, 3))
    else:
        given = pd.DataFrame({"eye": y, "image": list(X)})
        own = strategies(image_column="image")
    advice = recommend_strategy(given, y, strategies=own, cv=3, random_state=0)
    assert advice.evidence.pretrained["all"].mean() > 0.9
    advice.estimator.fit(given, y)


def test_strategies_and_images_are_left_as_they_are(coloured):
    X, y = coloured
    before, own = X.copy(), strategies()
    shown = {name: str(strategy) for name, strategy in own.items()}
    recommend_strategy(X, y, strategies=own, cv=3, random_state=0)
    np.testing.assert_array_equal(X, before)
    assert {name: str(strategy) for name, strategy in own.items()} == shown


# What follows from it


def test_recommends_the_cheapest_within_one_standard_error():
    scores = {"cheap": PredictedScore(0.60, 0.02, True), "dear": PredictedScore(0.61, 0.02, False)}
    assert decide(scores, chance=0.2).best == "cheap"
    assert decide(scores, chance=0.2).verdict == "cannot tell"


def test_recommends_a_dear_strategy_that_is_surely_better():
    scores = {"cheap": PredictedScore(0.60, 0.02, True), "dear": PredictedScore(0.70, 0.03, False)}
    decision = decide(scores, chance=0.2)
    assert (decision.best, decision.runner_up, decision.verdict) == ("dear", "cheap", "clear")


def test_no_signal_where_nothing_measured_beats_guessing():
    scores = {"cheap": PredictedScore(0.52, 0.02, True), "dear": PredictedScore(0.70, 0.02, False)}
    assert decide(scores, chance=0.5).verdict == "no signal"
    assert decide(scores, chance=0.5).best == "cheap"


def test_labels_of_noise_give_no_signal():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (60, 24, 24, 3), dtype=np.uint8)
    advice = recommend_strategy(
        X, rng.permutation(np.arange(60) % 2), strategies=strategies(), cv=5, random_state=0
    )
    assert advice.decision.verdict == "no signal"
    assert "look at the labels" in advice.conclusion


def test_inference_moves_a_share_of_the_errors_left():
    experience = Experience(fine_tune=Gain(0.1, 0.0), scratch=Gain(0.2, 0.0))
    predicted = predict_scores(evidence_of(), experience)
    assert predicted["fine_tune"].estimate == pytest.approx(0.73)
    assert predicted["scratch"].estimate == pytest.approx(0.6)
    assert not predicted["fine_tune"].is_measured


def test_nothing_is_predicted_to_be_worse_than_guessing():
    bad = Gain(-5.0, 0.5)
    predicted = predict_scores(evidence_of(), Experience(fine_tune=bad, scratch=bad))
    assert predicted["scratch"].estimate == predicted["fine_tune"].estimate == pytest.approx(1 / 3)


def test_doubtful_experience_widens_a_prediction():
    sure, doubtful = (
        predict_scores(evidence_of(), Experience(Gain(0.1, d), Gain(0.1, d)))["fine_tune"]
        for d in (0.0, 0.5)
    )
    assert doubtful.standard_error > 0.15 > sure.standard_error


def test_an_earlier_layer_must_be_surely_better():
    fold = np.array([-0.01, 0.0, 0.01])
    surely = evidence_of(pretrained={"block1": 0.8 + fold, "last": 0.7 + fold})
    perhaps = evidence_of(pretrained={"block1": 0.71 + 8 * fold, "last": 0.7 + fold})
    assert surely.best_layer == "block1"
    assert perhaps.best_layer == "last"
    assert "not surely higher" in str(advice_on(perhaps))


def test_more_layers_need_more_evidence():
    fold = np.array([-0.01, 0.0, 0.01])
    two = evidence_of(pretrained={"a": 0.72 + 2 * fold, "last": 0.7 + fold})
    five = evidence_of(pretrained=dict.fromkeys("abcd", 0.72 + 2 * fold) | {"last": 0.7 + fold})
    assert five.layer_gain("a").low < two.layer_gain("a").low


def test_frozen_candidate_takes_the_layer_that_is_surely_better():
    """And is regularised as it was where it was measured."""
    fold = np.array([-0.01, 0.0, 0.01])
    evidence = evidence_of(pretrained={"block1": 0.8 + fold, "last": 0.7 + fold})
    pipeline = _at_layer(strategies()["frozen_svm"], evidence)
    assert pipeline["features"].layer == "block1"
    assert pytest.approx(0.2) == pipeline["svm"].C


@pytest.mark.parametrize(
    ("per_class", "random", "expected"),
    [
        (100, 0.1, ("small", "similar")),
        (100, 0.6, ("small", "different")),
        (2000, 0.1, ("large", "similar")),
        (2000, 0.6, ("large", "different")),
    ],
)
def test_textbook_scenario(per_class, random, expected):
    evidence = evidence_of(
        n_by_class=dict.fromkeys("abc", per_class),
        random={"block1": np.full(3, random), "last": np.full(3, random)},
    )
    assert textbook_scenario(evidence)[:2] == expected


def test_unequal_folds_widen_the_interval():
    wide = replace(evidence_of(), test_share=2.0).doubling_gain
    narrow = evidence_of(curve={50: np.array([0.5, 0.6, 0.5]), 100: np.array([0.6, 0.6, 0.6])})
    assert np.isfinite([wide.low, wide.high]).all()
    assert narrow.doubling_gain.low < narrow.doubling_gain.estimate


# What the user sees


def test_colours_that_any_network_tells_apart_need_no_training(advice):
    assert advice.best == "frozen_svm"
    assert isinstance(advice.estimator, Pipeline)


def test_tables_hold_every_strategy_and_layer(advice):
    assert list(advice.to_frame().index) == ["frozen_svm", "transfer", "fine_tune", "scratch"]
    assert set(advice.to_frame()["advice"]) == {"recommended", "runner-up", ""}
    assert list(advice.evidence.to_frame().columns) == [
        "features",
        "pretrained",
        "random",
        "mean shift",
        "LogME",
        "H-score",
    ]


def test_reasons_have_numbers(advice):
    shown = str(advice)
    assert "60 images of 3 classes and 30 patients" in shown
    assert advice.conclusion in shown
    assert advice.scenario in shown


def test_html_escapes_labels():
    counts = {"<b>healthy</b>": 10, "ill": 20}
    shown = advice_on(evidence_of(n_by_class=counts))._repr_html_()
    assert "&lt;b&gt;healthy" in shown
    assert "<b>healthy" not in shown


def test_plot_shows_layers_sizes_and_predictions(advice):
    display = advice.plot()
    assert [axis.get_title() for axis in display.axes_][:2] == [
        "frozen features, by layer",
        "frozen features, by size",
    ]
    assert "frozen_svm\n(recommended)" in [
        label.get_text() for label in display.axes_[2].get_yticklabels()
    ]
    plt.close(display.figure_)


# What is refused


def test_lengths_must_agree(coloured):
    with pytest.raises(ValueError, match="Lengths differ"):
        recommend_strategy(coloured[0], coloured[1][:-1])


def test_a_class_of_few_images_is_named(coloured):
    X, y = coloured
    y = np.where(np.arange(60) < 3, 9, y)
    with pytest.raises(ValueError, match="Class 9 has 3 images"):
        recommend_strategy(X, y)


def test_one_class_is_refused(coloured):
    with pytest.raises(ValueError, match="one class"):
        recommend_strategy(coloured[0], np.zeros(60))


def test_strategies_must_be_the_four(coloured):
    some = {"transfer": strategies()["transfer"]}
    with pytest.raises(ValueError, match="no frozen_svm, fine_tune, scratch"):
        recommend_strategy(*coloured, strategies=some)


def test_one_fold_is_refused(coloured):
    with pytest.raises(ValueError, match="one fold"):
        recommend_strategy(*coloured, strategies=strategies(), cv=ShuffleSplit(1, random_state=0))


def test_own_rows_are_refused_where_images_are_drawn(coloured):
    X, y = coloured
    with pytest.raises(ValueError, match="max_images=None"):
        recommend_strategy(
            X, y, strategies=strategies(), cv=make_splits(3, y, None, 0), max_images=30
        )
