"""Labels, groups and folds that do not fit: told before any training."""

import numpy as np
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
    monkeypatch.setattr("skdr._training.Trainer.run", lambda *args, **kwargs: pytest.fail("trains"))
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
