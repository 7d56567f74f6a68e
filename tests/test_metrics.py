"""Metrics against values worked out by hand and scikit-learn's own."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from skdr.metrics import quadratic_weighted_kappa, referable_roc_auc


def kappa_by_hand(y_true, y_pred, n_grades):
    observed = np.zeros((n_grades, n_grades))
    np.add.at(observed, (y_true, y_pred), 1)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / observed.sum()
    weights = np.subtract.outer(np.arange(n_grades), np.arange(n_grades)) ** 2
    return 1 - (weights * observed).sum() / (weights * expected).sum()


def test_kappa_is_that_of_the_definition():
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 5, size=(2, 100))
    expected = kappa_by_hand(y_true, y_pred, 5)
    assert quadratic_weighted_kappa(y_true, y_pred) == pytest.approx(expected)


def test_kappa_keeps_its_scale_where_a_grade_is_missing():
    y_true, y_pred = np.array([0, 1, 2, 4, 4, 0]), np.array([0, 2, 2, 4, 2, 1])
    fixed = quadratic_weighted_kappa(y_true, y_pred)
    assert fixed == pytest.approx(kappa_by_hand(y_true, y_pred, 5))
    assert fixed != pytest.approx(cohen_kappa_score(y_true, y_pred, weights="quadratic"))


def test_kappa_refuses_grades_off_the_scale():
    with pytest.raises(ValueError, match=r"y_pred holds \[5\]"):
        quadratic_weighted_kappa([0, 1], [0, 5])


def test_referable_auc_of_probabilities():
    rng = np.random.default_rng(0)
    y, P = rng.integers(0, 5, size=50), rng.dirichlet(np.ones(5), size=50)
    expected = roc_auc_score(y >= 2, P[:, 2:].sum(axis=1))
    assert referable_roc_auc(y, P) == pytest.approx(expected)
    assert referable_roc_auc(y, P[:, 2:].sum(axis=1)) == pytest.approx(expected)


def test_referable_auc_needs_a_column_a_label():
    with pytest.raises(ValueError, match="y_score has 3 columns"):
        referable_roc_auc([0, 2], np.zeros((2, 3)))
    P = np.array([[0.9, 0.1, 0.0], [0.1, 0.2, 0.7]])
    assert referable_roc_auc([0, 2], P, labels=[0, 1, 2]) == 1.0
