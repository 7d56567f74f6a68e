"""scikit-learn's and imbalanced-learn's other tools, on images."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from imblearn.combine import SMOTEENN
from imblearn.over_sampling import SMOTE, BorderlineSMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import EditedNearestNeighbours, NearMiss, TomekLinks
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, make_scorer, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    StratifiedGroupKFold,
    cross_validate,
    permutation_test_score,
)
from sklearn.pipeline import make_pipeline as make_plain_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdr import (
    FineTunedCNNClassifier,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
    as_image_column,
    feature_cache_info,
)
from skdr.model_selection import make_strategies
from tests.with_keras import tiny_network

FEATURES = {"image_size": 24, "random_state": 0}


def extractor(**settings):
    return PretrainedFeatureExtractor(tiny_network, **FEATURES, **settings)


def transfer(**settings):
    return FineTunedCNNClassifier(
        tiny_network, trainable="head", head_epochs=20, head_learning_rate=0.02, C=1.0,
        **FEATURES, **settings,
    )  # fmt: skip


@pytest.fixture(scope="module")
def strategies():
    result = make_strategies(
        tiny_network, scratch_backbone=tiny_network, weights=None, image_size=24, random_state=0
    )
    result["frozen_svm"].set_params(svm__C=0.1)
    for name in ("transfer", "fine_tune"):
        result[name].set_params(head_epochs=20, head_learning_rate=0.02, C=1.0)
    result["fine_tune"].set_params(epochs=1)
    result["scratch"].set_params(epochs=5, learning_rate=0.02)
    return list(result.items())


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture(scope="module")
def two_of_three(coloured):
    """Weights that leave out the images of class 2."""
    return (coloured[1] < 2).astype(float)


# Metadata routing


def test_weights_pass_through_a_pipeline(coloured, two_of_three, routing):
    classifier = transfer().set_fit_request(sample_weight=True)
    pipeline = make_plain_pipeline(FunctionTransformer(), classifier)
    pipeline.fit(*coloured, sample_weight=two_of_three)
    assert set(pipeline.predict(coloured[0])) == {0, 1}


def test_weights_and_groups_pass_through_a_grid(coloured, two_of_three, routing):
    X, y = coloured
    pipeline = make_plain_pipeline(
        FunctionTransformer(), transfer().set_fit_request(sample_weight=True)
    )
    search = GridSearchCV(
        pipeline, {"finetunedcnnclassifier__C": [1.0]}, cv=StratifiedGroupKFold(2),
        error_score="raise",
        scoring=make_scorer(accuracy_score).set_score_request(sample_weight=False),
    )  # fmt: skip
    search.fit(X, y, sample_weight=two_of_three, groups=np.arange(60) // 2)
    assert set(search.predict(X)) == {0, 1}
    assert search.best_score_ == pytest.approx(2 / 3, abs=0.05)  # all images are scored


def test_weights_and_groups_pass_through_cross_validation(coloured, two_of_three, routing):
    X, y = coloured
    groups = np.arange(60) // 4
    classifier = transfer().set_fit_request(sample_weight=True)
    classifier.set_score_request(sample_weight=True)
    result = cross_validate(
        classifier, X, y, cv=StratifiedGroupKFold(2), error_score="raise", return_indices=True,
        params={"sample_weight": two_of_three, "groups": groups},
    )  # fmt: skip
    for train, test in zip(*result["indices"].values(), strict=True):
        assert not set(groups[train]) & set(groups[test])
    assert min(result["test_score"]) > 0.9  # class 2 is neither learned nor scored


def test_weights_that_nobody_asked_for_are_refused(coloured, two_of_three, routing):
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
        make_plain_pipeline(FunctionTransformer(), transfer()).fit(
            *coloured, sample_weight=two_of_three
        )


# Output and display


def test_features_come_as_a_data_frame(coloured):
    frame = extractor().set_output(transform="pandas").fit_transform(coloured[0])
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == [f"pretrainedfeatureextractor{i}" for i in range(16)]


def test_rows_of_the_frame_keep_their_index(coloured):
    images = as_image_column(coloured[0][:3])[:, 0]
    X = pd.DataFrame({"image": images}, index=["a", "b", "c"])
    frame = extractor(image_column="image").set_output(transform="pandas").fit_transform(X)
    assert list(frame.index) == ["a", "b", "c"]


def test_pipeline_hands_a_frame_on(coloured):
    pipeline = make_plain_pipeline(extractor(), StandardScaler(), LogisticRegression())
    pipeline.set_output(transform="pandas").fit(*coloured)
    assert list(pipeline[-1].feature_names_in_) == list(pipeline[:-1].get_feature_names_out())


@pytest.mark.parametrize("fitted", [False, True])
def test_html_shows_the_steps_and_no_pixels(coloured, fitted):
    pipeline = make_plain_pipeline(extractor(), LogisticRegression())
    html = (pipeline.fit(*coloured) if fitted else pipeline)._repr_html_()
    assert "PretrainedFeatureExtractor" in html
    assert "tiny_network" in html
    assert len(html) < 200_000


# Searches, ensembles, calibration


def test_halving_over_images_keeps_the_better_candidate(coloured):
    pipeline = make_plain_pipeline(extractor(), StandardScaler(), LogisticRegression())
    search = HalvingGridSearchCV(
        pipeline, {"logisticregression__C": [1e-6, 1.0]}, cv=2, factor=2, min_resources=30,
        random_state=0, error_score="raise", scoring="neg_log_loss",
    ).fit(as_image_column(coloured[0]), coloured[1])  # fmt: skip
    assert search.n_resources_ == [30, 60]
    assert search.best_params_ == {"logisticregression__C": 1.0}


def test_halving_over_epochs_trains_the_best_longest(coloured):
    search = HalvingGridSearchCV(
        ScratchCNNClassifier(tiny_network, image_size=24, random_state=0),
        {"learning_rate": [1e-6, 0.02]}, cv=2, factor=2, resource="epochs",
        min_resources=3, max_resources=6, random_state=0, error_score="raise",
    ).fit(*coloured)  # fmt: skip
    assert search.best_estimator_.n_iter_ == 6
    assert search.best_params_["learning_rate"] == 0.02


def test_calibration_lowers_the_loss_of_a_cautious_head(coloured):
    X, y = coloured
    cautious = transfer().set_params(C=1e-3)
    calibrated = CalibratedClassifierCV(cautious, cv=2).fit(X[::2], y[::2])
    before = log_loss(y[1::2], cautious.fit(X[::2], y[::2]).predict_proba(X[1::2]))
    assert log_loss(y[1::2], calibrated.predict_proba(X[1::2])) < before


def test_fitted_network_is_calibrated_on_other_images(coloured):
    X, y = coloured
    fitted = transfer().fit(X[::2], y[::2])
    calibrated = CalibratedClassifierCV(FrozenEstimator(fitted)).fit(X[1::2], y[1::2])
    assert calibrated.score(X, y) > 0.9


def test_strategies_vote(coloured, strategies):
    X, y = coloured
    voting = VotingClassifier(strategies).fit(X[::2], y[::2])
    assert voting.score(X[1::2], y[1::2]) > 0.9


def test_strategies_with_probabilities_vote_by_their_mean(coloured, strategies):
    X, y = coloured
    voting = VotingClassifier(strategies[1:], voting="soft").fit(X[::2], y[::2])
    each = [estimator.predict_proba(X[1::2]) for estimator in voting.estimators_]
    np.testing.assert_allclose(voting.predict_proba(X[1::2]), np.mean(each, axis=0), rtol=1e-5)


def test_strategies_are_stacked(coloured, strategies):
    X, y = coloured
    stack = StackingClassifier(strategies[:2], LogisticRegression(), cv=2).fit(X[::2], y[::2])
    assert stack.final_estimator_.coef_.shape == (3, 6)
    assert stack.score(X[1::2], y[1::2]) > 0.9


def test_permutation_test_sends_each_image_once(coloured, tmp_path):
    pipeline = make_plain_pipeline(
        extractor(cache=tmp_path), StandardScaler(), LogisticRegression()
    )
    _, _, p_value = permutation_test_score(
        pipeline, *coloured, cv=2, n_permutations=9, random_state=0
    )
    assert p_value == pytest.approx(0.1)  # better than each of the nine
    assert feature_cache_info(tmp_path).misses == 60


# Samplers that need numbers: behind the extractor


@pytest.mark.parametrize(
    "sampler",
    [
        RandomOverSampler(random_state=0),
        SMOTE(k_neighbors=2, random_state=0),
        BorderlineSMOTE(k_neighbors=2, random_state=0),
        EditedNearestNeighbours(),
        TomekLinks(),
        NearMiss(),
        SMOTEENN(smote=SMOTE(k_neighbors=2, random_state=0), random_state=0),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_sampler_on_features_spares_the_rare_class(coloured, sampler):
    X, y = coloured
    rows = np.flatnonzero((y > 0) | (np.arange(60) < 15))  # 5 of class 0, 20 of the others
    pipeline = make_pipeline(extractor(), StandardScaler(), sampler, LogisticRegression())
    pipeline.fit(as_image_column(X[rows]), y[rows])
    recalls = recall_score(y, pipeline.predict(as_image_column(X)), average=None)
    assert recalls.min() > 0.8
