"""Transferability scores, against their definitions computed another way."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.cross_decomposition import CCA
from sklearn.datasets import load_digits, load_iris

from skdr.model_selection import h_score, logme_score


def highest_evidence(F, target):
    """Maximise the density of a target under a Gaussian prior, numerically."""

    def negative(log_precisions):
        alpha, beta = np.exp(np.clip(log_precisions, -30, 30))
        covariance = np.eye(len(F)) / beta + F @ F.T / alpha
        return -multivariate_normal(np.zeros(len(F)), covariance).logpdf(target)

    starts = [(a, b) for a in (-4, 0, 4, 8) for b in (0, 3)]
    tight = {"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000}
    found = [minimize(negative, start, method="Nelder-Mead", options=tight) for start in starts]
    return -min(result.fun for result in found)


@pytest.mark.parametrize("n_features", [1, 3, 30])
def test_logme_is_the_highest_evidence_an_image(n_features):
    rng = np.random.default_rng(n_features)
    y = np.arange(24) % 3
    F = rng.normal(size=(24, n_features)) + 0.8 * y[:, None]
    expected = np.mean([highest_evidence(F, (y == k).astype(float)) / 24 for k in range(3)])
    assert logme_score(F, y) == pytest.approx(expected, abs=1e-5)


def test_logme_does_not_depend_on_the_scale_of_features():
    X, y = load_iris(return_X_y=True)
    assert logme_score(1e-4 * X, y) == pytest.approx(logme_score(X, y), abs=1e-6)


def test_logme_does_not_depend_on_a_rotation():
    X, y = load_iris(return_X_y=True)
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))
    assert logme_score(X @ rotation, y) == pytest.approx(logme_score(X, y), abs=1e-6)


def test_h_score_is_the_sum_of_squared_canonical_correlations():
    X, y = load_iris(return_X_y=True)  # many images, few features: hardly any shrinkage
    X, y = np.tile(X, (400, 1)), np.tile(y, 400)
    left, right = CCA(n_components=2, scale=False).fit_transform(X, np.eye(3)[y][:, :2])
    correlations = [np.corrcoef(left[:, i], right[:, i])[0, 1] for i in range(2)]
    assert h_score(X, y) == pytest.approx(np.sum(np.square(correlations)), rel=2e-3)


def test_h_score_by_its_definition():
    """Ledoit and Wolf's shrinkage, written out as sums over images."""
    rng = np.random.default_rng(0)
    y = np.arange(40) % 4
    F = rng.normal(size=(40, 12)) + np.outer(y, rng.normal(size=12))
    centred = F - F.mean(axis=0)
    covariance = centred.T @ centred / 40
    target = np.trace(covariance) / 12 * np.eye(12)
    distance = np.sum((covariance - target) ** 2)
    noise = sum(np.sum((np.outer(x, x) - covariance) ** 2) for x in centred) / 40**2
    shrinkage = min(1, noise / distance)
    shrunk = (1 - shrinkage) * covariance + shrinkage * target
    means = np.stack([centred[y == k].mean(axis=0) for k in y])
    between = means.T @ means / 40
    expected = np.trace(np.linalg.inv(shrunk) @ ((1 - shrinkage) * between))
    assert h_score(F, y) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("score", [logme_score, h_score])
def test_better_features_score_higher(score):
    X, y = load_digits(return_X_y=True)
    noise = np.random.default_rng(0).normal(scale=8, size=X.shape)
    assert score(X, y) > score(X + noise, y) > score(noise, y)


@pytest.mark.parametrize("score", [logme_score, h_score])
def test_names_of_classes_do_not_matter(score):
    X, y = load_iris(return_X_y=True)
    assert score(X, np.array(["c", "a", "b"])[y]) == pytest.approx(score(X, y))


@pytest.mark.parametrize("score", [logme_score, h_score])
def test_constant_features_have_a_finite_score(score):
    assert np.isfinite(score(np.ones((10, 3)), np.arange(10) % 2))


@pytest.mark.parametrize("score", [logme_score, h_score])
def test_one_class_is_refused(score):
    with pytest.raises(ValueError, match="one class"):
        score(np.ones((10, 3)), np.zeros(10))
