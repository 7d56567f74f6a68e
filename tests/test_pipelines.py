"""Behind samplers, in grids and cross-validation, on every form of X that a sampler takes."""

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import Pipeline, make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.preprocessing import StandardScaler

from skdr import (
    FineTunedCNNClassifier,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
    as_image_column,
)
from skdr.metrics import quadratic_weighted_kappa_scorer, referable_roc_auc_scorer
from skdr.model_selection import make_strategies
from tests.with_keras import tiny_network

SMALL = {"image_size": 24, "image_column": "image", "image_shape": (24, 24, 3)}


@pytest.fixture(scope="module")
def files(coloured, tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    paths = [str(folder / f"{i}.png") for i in range(60)]
    for path, image in zip(paths, coloured[0], strict=True):
        Image.fromarray(image).save(path)
    return paths


FORMS = {
    "column of paths": lambda X, files: np.array(files, dtype=object).reshape(-1, 1),
    "column of str": lambda X, files: np.array(files).reshape(-1, 1),
    "column of arrays": lambda X, files: as_image_column(X),
    "column of PIL images": lambda X, files: as_image_column([Image.fromarray(x) for x in X]),
    "rows": lambda X, files: X.reshape(len(X), -1),
    "data frame": lambda X, files: pd.DataFrame(
        {"patient": np.arange(60) // 2, "image": files, "eye": ["left", "right"] * 30}
    ),
}
MODELS = {
    "extractor": lambda: make_pipeline(
        PretrainedFeatureExtractor(tiny_network, **SMALL), StandardScaler(), LogisticRegression()
    ),
    "fine-tuned": lambda: FineTunedCNNClassifier(
        tiny_network, weights=None, trainable=1, epochs=1, head_learning_rate=0.01, C=1.0, **SMALL
    ),
    "scratch": lambda: ScratchCNNClassifier(tiny_network, epochs=10, learning_rate=0.01, **SMALL),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", MODELS)
def test_stands_behind_a_sampler(model, form, coloured, files):
    X, y = FORMS[form](coloured[0], files), coloured[1].copy()
    keep = np.flatnonzero((y > 0) | (np.arange(60) < 30))
    X = X.iloc[keep] if hasattr(X, "iloc") else X[keep]
    y = y[keep]
    pipeline = Pipeline(
        [("sampler", RandomUnderSampler(random_state=0)), ("model", MODELS[model]())]
    )
    assert pipeline.fit(X, y).score(X, y) > 0.8


def test_sampler_and_validation_split_spare_no_class(coloured):
    """A sampler returns rows sorted by class: a split off the end would hold one class alone."""
    X, y = coloured
    model = ScratchCNNClassifier(
        tiny_network, epochs=15, learning_rate=0.01, early_stopping=True, image_size=24,
        validation_fraction=0.2, random_state=0,
    )  # fmt: skip
    pipeline = Pipeline([("sampler", RandomUnderSampler(random_state=0)), ("model", model)])
    predicted = pipeline.fit(as_image_column(X), y).predict(as_image_column(X))
    assert min(np.mean(predicted[y == k] == k) for k in range(3)) > 0.8


def test_four_strategies_in_one_grid_behind_one_sampler(coloured):
    X, y = coloured
    groups = np.arange(60) // 2
    strategies = make_strategies(tiny_network, scratch_backbone=tiny_network, weights=None,
                                 image_size=24, random_state=0)  # fmt: skip
    for name in ("transfer", "fine_tune", "scratch"):
        strategies[name].set_params(epochs=1)
    pipeline = Pipeline(
        [("sampler", RandomUnderSampler(random_state=0)), ("strategy", strategies["transfer"])]
    )
    search = GridSearchCV(
        pipeline,
        {"strategy": list(strategies.values())},
        cv=StratifiedGroupKFold(2),
        scoring="accuracy",
        error_score="raise",
    ).fit(as_image_column(X), y, groups=groups)
    assert len(search.cv_results_["mean_test_score"]) == 4
    assert search.best_score_ > 0.5
    assert set(search.predict(as_image_column(X))) <= {0, 1, 2}


def test_nested_parameters_reach_the_network(coloured):
    X, y = coloured
    search = GridSearchCV(
        MODELS["extractor"](),
        {"pretrainedfeatureextractor__layer": ["relu1", "last", ["relu1", "last"]]},
        cv=2,
        error_score="raise",
    ).fit(as_image_column(X), y)
    sizes = [8, 16, 24]
    best = search.best_index_
    assert search.best_estimator_[-1].coef_.shape[1] == sizes[best]


@pytest.mark.parametrize("model", MODELS)
def test_two_processes_give_the_scores_of_one(model, coloured):
    X, y = as_image_column(coloured[0]), coloured[1]
    estimator = MODELS[model]()
    if model != "extractor":
        estimator.set_params(random_state=0)
    else:
        estimator.set_params(pretrainedfeatureextractor__random_state=0)
    scores = [
        cross_validate(
            estimator, X, y, cv=StratifiedGroupKFold(2), groups=np.arange(60), n_jobs=n_jobs,
            scoring="neg_log_loss", error_score="raise",
        )["test_score"]
        for n_jobs in (1, 2)
    ]  # fmt: skip
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-5)


def test_epochs_hold_inside_cross_validation(coloured):
    X, y = coloured
    model = ScratchCNNClassifier(tiny_network, epochs=7, image_size=24)
    fitted = cross_validate(model, X, y, cv=2, return_estimator=True)["estimator"]
    assert [estimator.n_iter_ for estimator in fitted] == [7, 7]


def test_probabilities_come_out_of_fold(coloured):
    X, y = coloured
    probabilities = cross_val_predict(MODELS["scratch"](), list(X), y, cv=3, method="predict_proba")
    assert probabilities.shape == (60, 3)


def test_grading_scorers_take_what_a_strategy_gives():
    rng = np.random.default_rng(0)
    y = np.arange(50) % 5
    X = (rng.integers(0, 60, size=(50, 24, 24, 3)) + 40 * y[:, None, None, None]).astype(np.uint8)
    strategies = make_strategies(tiny_network, weights=None, image_size=24, random_state=0)
    for name in ("frozen_svm", "transfer"):
        scores = cross_validate(
            strategies[name], as_image_column(X), y, cv=2, error_score="raise",
            scoring={"kappa": quadratic_weighted_kappa_scorer, "auc": referable_roc_auc_scorer},
        )  # fmt: skip
        assert scores["test_auc"].min() > 0.8
