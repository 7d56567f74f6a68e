"""The other eye of each patient: as positions, and in a model that looks at both."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import skdr
from skdr import PretrainedFeatureExtractor
from skdr.datasets import fellow_eyes


def test_each_photograph_gets_one_of_the_other_eye():
    patients = np.array(["b", "a", "b", "a", "c", "c"])
    eyes = np.array(["left", "left", "right", "right", "right", "left"])
    fellows = fellow_eyes(patients, eyes)
    assert fellows.tolist() == [2, 3, 0, 1, 5, 4]
    assert fellows.dtype == np.intp


def test_numbers_and_series_are_patients_and_eyes_too():
    frame = pd.DataFrame({"patient": [7, 7, 9, 9], "eye": [0, 1, 1, 0]}, index=[3, 1, 2, 0])
    assert fellow_eyes(frame["patient"], frame["eye"]).tolist() == [1, 0, 3, 2]


@pytest.mark.parametrize(
    ("eyes", "expected"),
    [("llrr", [2, 3, 0, 1]), ("lrlr", [1, 0, 3, 2]), ("lllr", [3, 3, 3, 0])],
)
def test_photographs_of_an_eye_go_with_those_of_the_other_in_turn(eyes, expected):
    assert fellow_eyes(["1"] * 4, list(eyes)).tolist() == expected


def test_single_eyes_are_named_or_taken_for_their_own_fellows():
    patients, eyes = ["1", "1", "2", "3"], ["left", "right", "left", "right"]
    with pytest.raises(ValueError, match=r"one eye only \(missing=\"same\".*: 2, 3\."):
        fellow_eyes(patients, eyes)
    assert fellow_eyes(patients, eyes, missing="same").tolist() == [1, 0, 2, 3]


def test_three_eyes_are_refused():
    with pytest.raises(ValueError, match="more than two eyes: 1"):
        fellow_eyes(["1", "1", "1", "2"], ["left", "right", "l", "left"], missing="same")


def test_other_bad_input_is_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fellow_eyes(["1", "1"], ["left"])
    with pytest.raises(ValueError, match="missing='drop' is not known"):
        fellow_eyes(["1", "1"], ["left", "right"], missing="drop")


def test_model_of_both_eyes_sends_each_photograph_through_the_network_once():
    skdr.clear_feature_cache()
    photographs = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    fellows = fellow_eyes(np.repeat(np.arange(6), 2), ["left", "right"] * 6)
    X = pd.DataFrame({"eye": list(photographs), "fellow": list(photographs[fellows])})

    def probe(column):
        extractor = PretrainedFeatureExtractor(image_size=32, image_column=column)
        return make_pipeline(extractor, LogisticRegression())

    both = VotingClassifier([(name, probe(name)) for name in X], voting="soft")
    probabilities = both.fit(X, np.repeat([0, 1, 2], 4)).predict_proba(X)
    assert probabilities.shape == (12, 3)
    assert skdr.feature_cache_info().misses == 12
