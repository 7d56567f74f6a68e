"""DampedScaler: features that hardly vary are not blown up."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from skdr.preprocessing import DampedScaler


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return rng.normal(3.0, [5.0, 1.0, 0.01, 0.0], (50, 4)).astype(np.float32)


def test_features_keep_the_order_of_their_scales(features):
    scaled = DampedScaler().fit_transform(features)
    deviations = scaled.std(axis=0)
    assert np.allclose(scaled.mean(axis=0), 0, atol=1e-5)
    assert deviations[0] > deviations[1] > deviations[2] > deviations[3] == 0
    assert deviations[0] < 5 * deviations[1]
    assert scaled.dtype == np.float32


def test_vectors_are_as_long_as_with_a_standard_scaler(features):
    varied = features[:, :3]
    lengths = [
        np.square(scaler.fit_transform(varied)).sum(axis=1).mean()
        for scaler in (DampedScaler(), StandardScaler())
    ]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-4)


def test_features_of_one_scale_are_standardised():
    X = np.random.default_rng(0).normal(7, 3, (20, 1))
    assert np.allclose(DampedScaler().fit_transform(X), StandardScaler().fit_transform(X))


def test_weights_are_repetitions(features):
    weights = np.arange(50) % 3
    weighted = DampedScaler().fit(features, sample_weight=weights)
    repeated = DampedScaler().fit(np.repeat(features, weights, axis=0))
    assert np.allclose(weighted.mean_, repeated.mean_, rtol=1e-4)
    assert np.allclose(weighted.scale_, repeated.scale_, rtol=1e-3)


def test_constant_features_are_only_centred():
    X = np.full((5, 2), 4.0)
    assert (DampedScaler().fit_transform(X) == 0).all()


def test_inverse(features):
    scaler = DampedScaler().fit(features)
    assert np.allclose(scaler.inverse_transform(scaler.transform(features)), features, atol=1e-4)
