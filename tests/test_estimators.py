"""What the estimators promise beyond scikit-learn's checks."""

import pickle
import random
import subprocess
import sys

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.base import clone, is_classifier

import skdr.estimators._cnn_classifier
from skdr import (
    FineTunedCNNClassifier,
    ImageDecodeError,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
    WeightsNotFoundError,
)
from tests.with_keras import tiny_network


def fine_tuned(**kwargs):
    settings = {"weights": None, "image_size": 24, "head_epochs": 15, "epochs": 2, "C": 1.0}
    settings |= {"head_learning_rate": 0.01, "random_state": 0}
    return FineTunedCNNClassifier(tiny_network, **settings | kwargs)


def scratch(**kwargs):
    settings = {"image_size": 24, "epochs": 8, "learning_rate": 0.01, "random_state": 0}
    return ScratchCNNClassifier(tiny_network, **settings | kwargs)


BOTH = pytest.mark.parametrize("make", [fine_tuned, scratch])


@BOTH
def test_learns_colours(make, coloured):
    X, y = coloured
    assert make().fit(X[:45], y[:45]).score(X[45:], y[45:]) == 1.0


@BOTH
def test_is_a_classifier(make):
    assert is_classifier(make())


@BOTH
def test_string_labels(make, coloured):
    X, y = coloured
    labels = np.array(["rose", "daisy", "tulip"])[y]
    classifier = make().fit(X, labels)
    assert list(classifier.classes_) == ["daisy", "rose", "tulip"]
    assert classifier.score(X, labels) > 0.9


@BOTH
def test_probabilities_sum_to_one(make, coloured):
    probabilities = make().fit(*coloured).predict_proba(coloured[0])
    assert probabilities.shape == (60, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@BOTH
def test_same_seed_same_predictions(make, coloured):
    X, y = coloured
    first, second = (make().fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, make(random_state=1).fit(X, y).predict_proba(X))


@BOTH
def test_same_seed_same_predictions_with_dropout_and_augmentation(make, coloured):
    X, y = coloured
    options = {"dropout": 0.3, "augmentation": [keras.layers.RandomFlip()]}
    first, second = (make(**options).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@BOTH
def test_order_of_rows_does_not_matter(make, coloured):
    X, y = coloured
    order = np.random.default_rng(0).permutation(60)
    first = make().fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(first, make().fit(X[order], y[order]).predict_proba(X))


def test_another_process_trains_and_loads_the_same(coloured, tmp_path):
    """And needs no file of weights and no network."""
    X, y = coloured
    estimators = {
        "fine_tuned": fine_tuned(),
        "scratch": scratch(),
        "extractor": PretrainedFeatureExtractor(image_size=64),
    }
    methods = {"fine_tuned": "predict_proba", "scratch": "predict_proba", "extractor": "transform"}
    for name, estimator in estimators.items():
        joblib.dump(estimator.fit(X, y), tmp_path / f"{name}.joblib")
    np.savez(tmp_path / "data.npz", X=X, y=y)
    script = (
        "import joblib, numpy as np, pathlib\n"
        "from tests.test_estimators import fine_tuned\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "X, y = np.load(folder / 'data.npz').values()\n"
        "np.save(folder / 'trained.npy', fine_tuned().fit(X, y).predict_proba(X))\n"
        "pathlib.Path.read_bytes = None  # no weights file may be read\n"
        f"for name, method in {methods}.items():\n"
        "    estimator = joblib.load(folder / f'{name}.joblib')\n"
        "    np.save(folder / f'{name}.npy', getattr(estimator, method)(X))\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    for name, estimator in estimators.items():
        expected = getattr(estimator, methods[name])(X)
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), expected, rtol=1e-6)
    trained = estimators["fine_tuned"].predict_proba(X)
    np.testing.assert_array_equal(np.load(tmp_path / "trained.npy"), trained)


@BOTH
def test_clone_keeps_every_parameter(make):
    classifier = make(
        callbacks=[keras.callbacks.CSVLogger("log.csv")],
        optimizer=keras.optimizers.SGD(momentum=0.9),
        augmentation=[keras.layers.RandomFlip("horizontal", seed=3)],
        class_weight={0: 2.0, 1: 1.0, 2: 1.0},
        metrics=["accuracy", "auc"],
        learning_rate=keras.optimizers.schedules.CosineDecay(0.1, 100),
    )
    copy = clone(classifier)
    for name, value in classifier.get_params(deep=False).items():
        other = getattr(copy, name)
        if hasattr(value, "get_config"):
            assert type(other) is type(value)
            assert other.get_config() == value.get_config()
        elif name not in ("callbacks", "augmentation"):
            assert other == value, name
    assert copy.augmentation[0].get_config() == classifier.augmentation[0].get_config()


def test_clone_keeps_the_weights_of_a_given_model(coloured):
    X, _ = coloured
    extractor = PretrainedFeatureExtractor(tiny_network((24, 24, 3)))
    first = extractor.fit(X)
    second = clone(extractor).fit(X)
    assert first.weights_hash_ == second.weights_hash_
    np.testing.assert_array_equal(first.transform(X), second.transform(X))


@BOTH
def test_nothing_of_the_callers_is_changed(make, coloured):
    X, y = (a.copy() for a in coloured)
    weight = np.linspace(0.5, 1.5, 60)
    optimizer = keras.optimizers.Adam(0.5)
    callback = keras.callbacks.EarlyStopping(monitor="loss")
    random_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    keep = [X.copy(), y.copy(), weight.copy()]
    make(optimizer=optimizer, callbacks=[callback]).fit(X, y, sample_weight=weight).predict(X)
    for now, before in zip([X, y, weight], keep, strict=True):
        np.testing.assert_array_equal(now, before)
    assert float(optimizer.learning_rate) == 0.5
    assert callback.model is None
    assert random.getstate() == random_state
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state[1])  # noqa: NPY002


def test_two_fits_share_nothing(coloured):
    X, y = coloured
    model = tiny_network((24, 24, 3))
    before = [w.copy() for w in model.get_weights()]
    base = fine_tuned(weights="imagenet", learning_rate=0.01).set_params(backbone=model)
    first = clone(base).fit(X, y)
    kept = first.predict_proba(X)
    clone(base).set_params(random_state=7).fit(X[::-1], (y[::-1] + 1) % 3)
    np.testing.assert_array_equal(first.predict_proba(X), kept)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@BOTH
def test_repeating_a_row_is_the_same_as_doubling_its_weight(make, coloured):
    X, y = coloured
    weight = np.random.default_rng(0).integers(0, 3, size=60)
    repeated = np.repeat(np.arange(60), weight)
    weighted = make().fit(X, y, sample_weight=weight).predict_proba(X)
    np.testing.assert_array_equal(weighted, make().fit(X[repeated], y[repeated]).predict_proba(X))


def test_balanced_class_weight_lifts_the_rare_class():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, size=(90, 24, 24, 3), dtype=np.uint8)
    y = (np.arange(90) >= 80).astype(int)
    plain = fine_tuned(trainable="head", C=0.001).fit(X, y).predict_proba(X)[:, 1].mean()
    balanced = fine_tuned(trainable="head", C=0.001, class_weight="balanced").fit(X, y)
    assert plain < 0.25
    assert balanced.predict_proba(X)[:, 1].mean() == pytest.approx(0.5, abs=0.1)


def test_class_weight_takes_the_users_labels(coloured):
    X, y = coloured
    labels = np.array(["a", "b", "c"])[y]
    weights = {"a": 1e-6, "b": 1e-6, "c": 1.0}
    assert (
        fine_tuned(trainable="head", class_weight=weights).fit(X, labels).predict(X) == "c"
    ).all()


def test_history_is_plain_and_marks_the_phases(coloured):
    history = fine_tuned(metrics=["accuracy"]).fit(*coloured).history_
    assert history["phase"] == ["head"] * 15 + ["fine_tune"] * 2
    assert history["epoch"] == [*range(1, 16), 1, 2]
    assert {"loss", "accuracy", "learning_rate"} <= set(history)
    assert all(len(column) == 17 for column in history.values())
    assert pickle.loads(pickle.dumps(history)) == history


@BOTH
def test_model_is_plain_and_uncompiled(make, coloured):
    classifier = make().fit(*coloured)
    assert isinstance(classifier.model_, keras.Model)
    assert not classifier.model_.compiled
    assert classifier.model_.input_shape == (None, 24, 24, 3)


def test_frozen_layers_stay_as_they_were(coloured):
    classifier = fine_tuned(trainable=1, learning_rate=0.01).fit(*coloured)
    start = fine_tuned(head_epochs=0, epochs=0).fit(*coloured)
    for name, same in [("conv1", True), ("bn1", True), ("conv2", False), ("classes", False)]:
        now = classifier.model_.get_layer(name).get_weights()
        then = start.model_.get_layer(name).get_weights()
        assert all(np.array_equal(a, b) for a, b in zip(now, then, strict=True)) is same, name


def test_transfer_changes_the_head_alone(coloured):
    classifier = fine_tuned(trainable="head").fit(*coloured)
    start = fine_tuned(head_epochs=0, epochs=0).fit(*coloured)
    for layer in ("conv1", "bn1", "conv2"):
        for now, then in zip(
            classifier.model_.get_layer(layer).get_weights(),
            start.model_.get_layer(layer).get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(now, then)
    assert set(classifier.history_["phase"]) == {"head"}


@pytest.mark.parametrize(("policy", "moves"), [("stored", False), ("updated", True)])
def test_batch_norm_policy(policy, moves, coloured):
    classifier = fine_tuned(trainable="all", batch_norm=policy).fit(*coloured)
    start = fine_tuned(head_epochs=0, epochs=0).fit(*coloured)
    now, then = (c.model_.get_layer("bn1").get_weights()[2] for c in (classifier, start))
    assert np.array_equal(now, then) is not moves


def test_batch_norm_inside_a_nested_network_keeps_its_statistics(coloured):
    images = keras.Input((24, 24, 3))
    nested = keras.Model(images, tiny_network((24, 24, 3))(images))
    classifier = fine_tuned(weights="imagenet", trainable="all", learning_rate=0.01)
    fitted = classifier.set_params(backbone=nested).fit(*coloured).model_
    now = fitted.get_layer("bn1").get_weights()  # layers of inner networks are its own
    then = nested.get_layer("tiny").get_layer("bn1").get_weights()
    for a, b in zip(now, then, strict=True):
        np.testing.assert_array_equal(a, b)


def with_labels_of_chance(coloured):
    return coloured[0], np.random.default_rng(0).permutation(coloured[1])


def test_phase_that_makes_things_worse_is_undone_with_a_warning(coloured):
    X, noise = with_labels_of_chance(coloured)
    ruinous = fine_tuned(trainable="all", epochs=2, learning_rate=10.0, warmup_epochs=0)
    with pytest.warns(UserWarning, match="'fine_tune' did not lower the training loss"):
        ruinous.fit(X, noise)
    transfer = fine_tuned(trainable="head").fit(X, noise)
    np.testing.assert_allclose(ruinous.predict_proba(X), transfer.predict_proba(X), rtol=1e-4)


def ruined_at_the_end(**kwargs):
    """One epoch of the second phase that helps, and one that ruins the network."""

    def rate(epoch, rate):
        return 10.0 if epoch == 2 else rate

    callbacks = [keras.callbacks.LearningRateScheduler(rate)]
    phases = {"head_epochs": 1, "epochs": 2, "learning_rate": 0.003, "warmup_epochs": 0}
    return fine_tuned(trainable="all", callbacks=callbacks, **phases, **kwargs)


def test_phase_that_ends_worse_than_it_began_is_undone(coloured):
    X, noise = with_labels_of_chance(coloured)
    classifier = ruined_at_the_end()
    with pytest.warns(UserWarning, match="at its end"):
        classifier.fit(X, noise)
    losses = classifier.history_["loss"]
    assert losses[1] < losses[0] < losses[2]
    transfer = fine_tuned(trainable="head", head_epochs=1).fit(X, noise)
    np.testing.assert_allclose(classifier.predict_proba(X), transfer.predict_proba(X), rtol=1e-4)


def test_images_set_aside_decide_which_epoch_is_kept(coloured, recwarn):
    X, noise = with_labels_of_chance(coloured)
    classifier = ruined_at_the_end(early_stopping=True).fit(X, noise)
    losses = classifier.history_["loss"]
    assert losses[2] > losses[0]
    assert not [w for w in recwarn if "did not lower" in str(w.message)]
    stopped = ruined_at_the_end(early_stopping=True).set_params(epochs=1).fit(X, noise)
    np.testing.assert_allclose(classifier.predict_proba(X), stopped.predict_proba(X), rtol=1e-4)


def test_layers_after_a_named_one_learn(coloured):
    classifier = fine_tuned(trainable="relu1", learning_rate=0.01).fit(*coloured)
    start = fine_tuned(head_epochs=0, epochs=0).fit(*coloured)
    for name, same in [("conv1", True), ("conv2", False)]:
        now, then = (c.model_.get_layer(name).get_weights()[0] for c in (classifier, start))
        assert np.array_equal(now, then) is same


def test_unknown_layer_to_train_from_is_named(coloured):
    with pytest.raises(ValueError, match="trainable='mixed8' is not a layer"):
        fine_tuned(trainable="mixed8").fit(*coloured)


def test_layer_decay_slows_early_layers(coloured):
    def moved(decay):
        options = {"epochs": 1, "learning_rate": 1e-3, "optimizer": keras.optimizers.SGD()}
        options |= {"trainable": "all"}
        after = fine_tuned(layer_decay=decay, **options).fit(*coloured).model_
        before = fine_tuned(layer_decay=decay, **options | {"epochs": 0}).fit(*coloured).model_
        return [
            np.abs(after.get_layer(n).get_weights()[0] - before.get_layer(n).get_weights()[0]).max()
            for n in ("conv1", "classes")
        ]

    (early, head), (early_decayed, head_decayed) = moved(1.0), moved(0.1)
    assert head_decayed == pytest.approx(head, rel=0.1)
    assert early_decayed < 0.05 * early


def test_training_from_stored_activations_is_the_same_as_without(coloured, monkeypatch):
    stored = fine_tuned(trainable=1, epochs=3).fit(*coloured)
    monkeypatch.setattr(skdr.training._trainer, "MAX_ACTIVATION_BYTES", 0)
    through = fine_tuned(trainable=1, epochs=3).fit(*coloured)
    np.testing.assert_allclose(stored.history_["loss"], through.history_["loss"], rtol=1e-3)


def test_falling_back_from_stored_activations_is_said(coloured, monkeypatch, capsys):
    monkeypatch.setattr(skdr.training._trainer, "MAX_ACTIVATION_BYTES", 0)
    fine_tuned(trainable=1, epochs=1, verbose=1).fit(*coloured)
    assert "each epoch runs the frozen layers too" in capsys.readouterr().out


def test_early_stopping_keeps_the_best_weights(coloured):
    X, y = coloured
    labels = np.random.default_rng(0).permutation(y)  # nothing to learn but noise
    options = {"early_stopping": True, "n_iter_no_change": 3, "validation_fraction": 0.3}
    classifier = fine_tuned(epochs=30, learning_rate=0.01, **options).fit(X, labels)
    losses = classifier.history_["val_loss"]
    assert len(losses) < 45
    assert classifier.best_validation_loss_ == pytest.approx(min(losses))


def test_phase_that_never_improves_changes_nothing(coloured):
    options = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 2}
    X, y = coloured
    noise = np.random.default_rng(0).permutation(y)
    ruinous = fine_tuned(epochs=3, learning_rate=3.0, warmup_epochs=0, **options).fit(X, noise)
    transfer = fine_tuned(trainable="head", **options).fit(X, noise)
    assert max(ruinous.history_["val_loss"]) > ruinous.best_validation_loss_
    np.testing.assert_allclose(ruinous.predict_proba(X), transfer.predict_proba(X), rtol=1e-4)


def test_validation_split_is_stratified_on_rows_sorted_by_class(coloured):
    X, y = coloured
    order = np.argsort(y, kind="stable")
    classifier = scratch(early_stopping=True, validation_fraction=0.2).fit(X[order], y[order])
    recall = [np.mean(classifier.predict(X[y == k]) == k) for k in range(3)]
    assert min(recall) > 0.9


def test_validation_split_keeps_patients_together(coloured, monkeypatch):
    X, y = coloured
    frame = pd.DataFrame({"image": list(X), "patient": np.arange(60) // 6})
    patients, splits = np.arange(60) // 6, []
    original = skdr.estimators._cnn_classifier.CNNClassifier._split

    def spy(self, y, groups, seed):
        splits.append((groups, original(self, y, groups, seed)))
        return splits[-1][1]

    monkeypatch.setattr(skdr.estimators._cnn_classifier.CNNClassifier, "_split", spy)
    options = {"image_column": "image", "group_column": "patient", "early_stopping": True}
    scratch(validation_fraction=0.25, **options).fit(frame, y)
    groups, (train, validation) = splits[0]
    assert set(groups) == set(patients)
    assert not set(groups[train]) & set(groups[validation])
    assert len(validation) > 0


def test_group_column_must_exist(coloured):
    X, y = coloured
    with pytest.raises(ValueError, match="group_column='patient' is not a column of X"):
        scratch(group_column="patient").fit(X, y)


def test_early_stopping_needs_two_images_a_class(coloured):
    X, y = coloured
    y = np.where(np.arange(60) == 0, 9, y)
    with pytest.raises(ValueError, match=r"two images of each class; class .*9"):
        scratch(early_stopping=True).fit(X, y)


class Recorder(keras.callbacks.Callback):
    """Writes what it sees where a deep copy writes too."""

    log: list = []

    def on_train_begin(self, logs=None):
        self.log.append("begin")

    def on_epoch_end(self, epoch, logs=None):
        self.log.append(epoch)

    def on_train_end(self, logs=None):
        self.log.append("end")


def test_callbacks_see_one_training_over_all_phases(coloured):
    Recorder.log.clear()
    fine_tuned(head_epochs=3, epochs=2, callbacks=[Recorder()]).fit(*coloured)
    assert Recorder.log == ["begin", 0, 1, 2, 3, 4, "end"]


def test_callbacks_of_keras_work_in_every_phase(coloured, tmp_path):
    X, y = coloured
    rates = []

    def schedule(epoch, rate):
        rates.append(rate)
        return rate / 2

    callbacks = [
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.ModelCheckpoint(tmp_path / "epoch{epoch}.keras"),
        keras.callbacks.LearningRateScheduler(schedule),
    ]
    classifier = fine_tuned(head_epochs=2, epochs=2, callbacks=callbacks).fit(X, y)
    assert len(pd.read_csv(tmp_path / "log.csv")) == 4
    saved = keras.saving.load_model(tmp_path / "epoch4.keras", compile=False)
    np.testing.assert_allclose(
        saved.predict(X.astype(np.float32), verbose=0), classifier.predict_proba(X), rtol=1e-4
    )
    assert rates[1] == pytest.approx(rates[0] / 2)
    assert rates[3] == pytest.approx(rates[2] / 2)


def test_callback_can_stop_a_phase(coloured):
    stop = keras.callbacks.EarlyStopping(monitor="loss", min_delta=1e9, patience=1)
    assert fine_tuned(callbacks=[stop]).fit(*coloured).n_iter_ < 17


def test_learning_rate_schedule(coloured):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 1, 0.5)
    rates = scratch(learning_rate=schedule, epochs=3).fit(*coloured).history_["learning_rate"]
    assert rates[0] > rates[1] > rates[2]


@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        keras.losses.CategoricalFocalCrossentropy(),
    ],
)
def test_losses(loss, coloured):
    assert scratch(loss=loss).fit(*coloured).score(*coloured) > 0.9


def test_warm_start_goes_on_from_the_last_fit(coloured):
    classifier = scratch(warm_start=True, epochs=4).fit(*coloured)
    first = classifier.history_["loss"]
    second = classifier.fit(*coloured).history_["loss"]
    assert second[0] < first[0]
    assert second[-1] < first[-1]


def test_warm_start_refuses_other_classes(coloured):
    X, y = coloured
    classifier = scratch(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="warm_start=True, but y has classes"):
        classifier.fit(X, y + 1)


def test_diverging_training_names_the_learning_rate(coloured):
    optimizer = keras.optimizers.SGD()
    with pytest.raises(
        ValueError, match=r"Training diverged.*Set a lower learning rate than 1e\+3"
    ):
        scratch(optimizer=optimizer, learning_rate=1e30, warmup_epochs=0).fit(*coloured)


def test_kernel_initializer(coloured):
    ones = scratch(kernel_initializer="ones", epochs=0).fit(*coloured)
    assert (ones.model_.get_layer("conv1").get_weights()[0] == 1).all()
    xavier = scratch(epochs=0).fit(*coloured).model_.get_layer("conv2").get_weights()[0]
    limit = np.sqrt(6 / (3 * 3 * (8 + 16)))
    assert 0.8 * limit < np.abs(xavier).max() <= limit


def test_stored_statistics_are_those_of_the_training_images(coloured):
    X, _ = coloured
    model = scratch(epochs=30).fit(*coloured).model_
    conv = keras.Model(model.inputs, model.get_layer("conv1").output)
    maps = conv.predict(X.astype(np.float32), verbose=0)
    _gamma, _beta, mean, variance = model.get_layer("bn1").get_weights()
    np.testing.assert_allclose(mean, maps.mean(axis=(0, 1, 2)), atol=0.1)
    np.testing.assert_allclose(variance, maps.var(axis=(0, 1, 2)), rtol=0.3)


def test_hidden_layers(coloured):
    classifier = fine_tuned(hidden_layer_sizes=(12, 7)).fit(*coloured)
    assert classifier.model_.get_layer("hidden2").units == 7


def test_images_are_decoded_once_a_fit(coloured, tmp_path):
    X, y = coloured
    paths = [tmp_path / f"{i}.png" for i in range(60)]
    for path, image in zip(paths, X, strict=True):
        Image.fromarray(image).save(path)
    seen = []

    def count(image):
        seen.append(1)
        return image

    fine_tuned(preprocess=count, epochs=3).fit(paths, y)
    assert len(seen) == 60


def test_missing_weights_are_found_before_any_image_is_decoded(coloured, tmp_path):
    X, y = coloured

    def fail(image):
        raise AssertionError("decoded")

    for make in (FineTunedCNNClassifier, PretrainedFeatureExtractor):
        estimator = make(weights=tmp_path / "lost.weights.h5", preprocess=fail)
        with pytest.raises(WeightsNotFoundError):
            estimator.fit(X, y)


def test_bad_image_stops_before_training(coloured):
    X, y = coloured
    images = [*X[:-1], np.zeros((3, 24, 24), np.uint8)]
    with pytest.raises(ImageDecodeError, match=r"X\[59\]: shape \(3, 24, 24\)"):
        fine_tuned().fit(images, y)


def test_extractor_names_its_features_and_sets_output(coloured):
    extractor = PretrainedFeatureExtractor(tiny_network).set_output(transform="pandas")
    frame = extractor.fit_transform(coloured[0])
    assert frame.columns[0] == "pretrainedfeatureextractor0"
    assert frame.shape == (60, 16)


def test_extractor_records_the_hash_of_its_weights(coloured):
    X, _ = coloured
    first = PretrainedFeatureExtractor(image_size=32).fit(X)
    second = PretrainedFeatureExtractor(image_size=64, layer="block3").fit(X)
    random_weights = PretrainedFeatureExtractor(image_size=32, weights=None).fit(X)
    assert first.weights_hash_.startswith("sha256:")
    assert first.weights_hash_ == second.weights_hash_ != random_weights.weights_hash_


@pytest.mark.parametrize("verbose", [0, 1])
def test_verbose(verbose, coloured, capsys):
    fine_tuned(verbose=verbose).fit(*coloured).predict(coloured[0])
    printed = capsys.readouterr()
    assert ("fine_tune" in printed.out) is bool(verbose)
    assert bool(printed.out) is bool(verbose)


@BOTH
def test_preset_augmentations(make, coloured):
    for preset in ("fundus", "natural"):
        assert make(augmentation=preset).fit(*coloured).score(*coloured) > 0.8
