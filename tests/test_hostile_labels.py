"""Labels, groups and folds that do not fit: told before any training."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, cross_val_score

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor, ScratchCNNClassifier
from tests.with_keras import tiny_network

CLASSIFIERS = [
    lambda **kw: FineTunedCNNClassifier(
        tiny_network, weights=None, image_size=16, trainable="head", head_epochs=3,
        random_state=0, **kw,
    ),
    lambda **kw: ScratchCNNClassifier(image_size=16, epochs=1, random_state=0, **kw),
]  # fmt: skip
both = pytest.mark.parametrize("make", CLASSIFIERS, ids=["fine-tuned", "scratch"])


@both
@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (lambda y: np.where(y == 0, np.nan, y), "NaN"),
        (lambda y: np.zeros_like(y), "class"),
        (lambda y: y[:-1], "inconsistent numbers"),
        (lambda y: y + 0.5, "continuous"),
        (lambda y: np.column_stack([y, y, y]), "1d array|bad input shape|multi"),
        (lambda y: None, "requires y"),
    ],
    ids=["NaN", "one class", "too few", "continuous", "2-D", "none"],
)
def test_impossible_labels_are_told_before_training(make, labels, match, coloured, monkeypatch):
    X, y = coloured
    monkeypatch.setattr(
        "skdr.training._trainer.Trainer.run", lambda *args, **kwargs: pytest.fail("trains")
    )
    with pytest.raises(ValueError, match=match):
        make().fit(X, labels(y))


@both
def test_class_with_one_image_is_learned(make, coloured):
    X, y = coloured
    labels = np.where(np.arange(len(y)) == 5, 9, y % 2)
    classifier = make().fit(X, labels)
    assert list(classifier.classes_) == [0, 1, 9]
    assert classifier.predict_proba(X[:4]).shape == (4, 3)


@both
def test_class_with_one_image_cannot_be_set_aside(make, coloured):
    X, y = coloured
    labels = np.where(np.arange(len(y)) == 5, 9, y % 2)
    with pytest.raises(ValueError, match="9"):
        make(early_stopping=True).fit(X, labels)


@both
def test_no_images(make, coloured):
    X, y = coloured
    with pytest.raises(ValueError, match="0 sample"):
        make().fit(X[:0], y[:0])
    with pytest.raises(ValueError, match="0 sample"):
        PretrainedFeatureExtractor(tiny_network, weights=None, image_size=16).fit(X[:0])


def test_folds_that_lack_a_class_are_scored(coloured):
    X, _ = coloured
    y = np.repeat([0, 1, 2], 20)  # the last fold holds a class that its training part lacks
    groups = np.repeat(np.arange(3), 20)
    scores = cross_val_score(CLASSIFIERS[0](), X, y, groups=groups, cv=GroupKFold(3))
    assert (scores == 0).all()


def test_groups_need_not_be_sorted(coloured):
    X, y = coloured
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(20), 3))
    cv = StratifiedGroupKFold(3)
    scores = cross_val_score(CLASSIFIERS[0](), X, y, groups=groups, cv=cv, error_score="raise")
    assert np.isfinite(scores).all()


@both
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT], ids=repr)
def test_missing_labels_are_named_by_position(make, missing, coloured):
    X, y = coloured
    labels = pd.Series(np.array(["a", "b", "c"])[y], dtype=object)
    labels[[3, 7]] = missing
    with pytest.raises(ValueError, match=r"no label \(None or NaN\) at positions 3, 7; leave"):
        make().fit(X, labels)


@both
@pytest.mark.parametrize("form", [list, np.array, pd.Series, pl.Series], ids=lambda f: f.__name__)
def test_missing_label_beside_strings_is_no_class_of_its_own(form, make, coloured):
    X, y = coloured
    labels = [None if i == 5 else "abc"[label] for i, label in enumerate(y)]
    with pytest.raises(ValueError, match="at positions 5"):
        make().fit(X, form(labels))


def test_not_a_number_in_a_list_of_strings_is_no_class_of_its_own(coloured):
    X, y = coloured
    labels = [float("nan") if i == 5 else "abc"[label] for i, label in enumerate(y)]
    with pytest.raises(ValueError, match="at positions 5"):
        CLASSIFIERS[0]().fit(X, labels)


@pytest.mark.parametrize("form", [list, pd.Series], ids=lambda f: f.__name__)
def test_strings_and_numbers_are_not_mixed(form, coloured):
    X, y = coloured
    labels = ["none" if label == 0 else int(label) for label in y]
    with pytest.raises(ValueError, match="mixes strings such as 'none' with int such as 1"):
        CLASSIFIERS[0]().fit(X, form(labels))


@both
def test_image_without_a_patient_is_named(make, coloured):
    X, y = coloured
    frame = pd.DataFrame({"image": list(X), "patient": np.arange(60) // 2})
    frame["patient"] = frame["patient"].astype("Int64")
    frame.loc[4, "patient"] = pd.NA
    classifier = make(early_stopping=True, group_column="patient", image_column="image")
    with pytest.raises(ValueError, match="group_column='patient' holds no patient at positions 4"):
        classifier.fit(frame, y)


@pytest.mark.parametrize("dtype", [str, object])
def test_labels_in_messages_are_plain_text(dtype, coloured):
    X, y = coloured
    with pytest.raises(ValueError, match="y has one class 'q'"):
        CLASSIFIERS[0]().fit(X, np.full(len(y), "q", dtype=dtype))
