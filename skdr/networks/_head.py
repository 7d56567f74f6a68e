"""The head: pooled features to class probabilities."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from skdr._damped import damped_statistics

CLASSES = "classes"
STANDARDISE = "standardise"
STANDARDISE_PIXELS = "standardise_pixels"


def add_head(
    features: keras.Model,
    n_classes: int,
    *,
    hidden_layer_sizes: Sequence[int] = (),
    dropout: float = 0.0,
    standardise: bool = True,
) -> keras.Model:
    """Put a classifier on a network of features.

    Parameters
    ----------
    features : keras.Model
        On images, with an output of shape (None, n_features).
    n_classes : int
    hidden_layer_sizes : sequence of int, default=()
        Units of each ReLU layer between features and classes.
    dropout : float in [0, 1), default=0.0
        Share of the inputs of each dense layer that is left out in training.
    standardise : bool, default=True
        Whether features are standardised first, as a `StandardScaler` before
        a linear model would: those of a pretrained network differ in scale
        by orders of magnitude. See `standardise_features`.

    Returns
    -------
    classifier : keras.Model
        On the same images, with probabilities of shape (None, n_classes). It
        shares the layers of `features`.
    """
    x = features.outputs[0]
    if standardise:
        x = keras.layers.BatchNormalization(
            center=False,
            scale=False,
            epsilon=1e-12,
            trainable=False,
            dtype="float32",
            name=STANDARDISE,
        )(x)
    for i, units in enumerate(hidden_layer_sizes, start=1):
        x = _dropout(x, dropout, f"dropout{i}")
        x = keras.layers.Dense(units, activation="relu", dtype="float32", name=f"hidden{i}")(x)
    x = _dropout(x, dropout, "dropout")
    # On standardised features, start from zeros as a logistic regression does.
    initializer = "zeros" if standardise else "glorot_uniform"
    x = keras.layers.Dense(
        n_classes,
        activation="softmax",
        kernel_initializer=initializer,
        dtype="float32",
        name=CLASSES,
    )(x)
    return keras.Model(features.inputs, x, name=f"{features.name}_classifier")


def standardise_features(
    classifier: keras.Model, features: NDArray[np.float32], counts: NDArray[np.float64]
) -> None:
    """Set the mean and variance that standardise features: see `damped_statistics`.

    Parameters
    ----------
    classifier : keras.Model
        As `add_head` returns it; changed in place.
    features : ndarray of shape (n, n_features)
    counts : ndarray of shape (n,)
        How many images each row stands for.
    """
    _set_statistics(classifier, STANDARDISE, *damped_statistics(features, counts))


def standardise_pixels(
    classifier: keras.Model, mean: NDArray[np.floating], variance: NDArray[np.floating]
) -> None:
    """Set the mean and variance of each channel that standardise pixels.

    Parameters
    ----------
    classifier : keras.Model
        Changed in place, if it standardises pixels.
    mean, variance : ndarray of shape (3,)
    """
    _set_statistics(classifier, STANDARDISE_PIXELS, mean, variance)


def _set_statistics(
    classifier: keras.Model, name: str, mean: NDArray[np.floating], variance: NDArray[np.floating]
) -> None:
    for layer in classifier.layers:
        if layer.name == name:
            layer.set_weights([mean, variance])


def set_class_shares(classifier: keras.Model, shares: NDArray[Any]) -> None:
    """Let a new head start from the shares of the classes, not from equal ones.

    Parameters
    ----------
    classifier : keras.Model
        As `add_head` returns it; changed in place.
    shares : ndarray of shape (n_classes,)
        Weights of the classes in training; they need not sum to 1.
    """
    layer = classifier.get_layer(CLASSES)
    kernel, _ = layer.get_weights()
    smallest = 1e-6 * shares.sum()
    layer.set_weights([kernel, np.log(np.maximum(shares, smallest) / shares.sum())])


def standardised(classifier: keras.Model, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return features as the scores of the classes get them, where no hidden layer is between.

    Parameters
    ----------
    classifier : keras.Model
        As `add_head` returns it, its statistics set.
    features : ndarray of shape (n, n_features)

    Returns
    -------
    features : ndarray of shape (n, n_features) and dtype float32
    """
    layer = classifier.get_layer(STANDARDISE)
    mean, variance = layer.get_weights()
    return (features - mean) / np.sqrt(variance + layer.epsilon, dtype=np.float32)


def set_scores(
    classifier: keras.Model, coef: NDArray[np.floating], intercept: NDArray[np.floating]
) -> None:
    """Set the layer that scores the classes.

    Parameters
    ----------
    classifier : keras.Model
        As `add_head` returns it; changed in place.
    coef : ndarray of shape (n_features, n_classes)
    intercept : ndarray of shape (n_classes,)
    """
    classifier.get_layer(CLASSES).set_weights([coef, intercept])


def cut_scores(classifier: keras.Model) -> tuple[keras.Model, NDArray[np.float32]]:
    """Cut a classifier before the layer that scores its classes.

    Parameters
    ----------
    classifier : keras.Model
        As `add_head` returns it; the network returned shares its layers.

    Returns
    -------
    features : keras.Model
        On the same images, up to what enters that layer.
    coef : ndarray of shape (n_features, n_classes)
        The scores, before the softmax, are ``features @ coef`` plus a constant.
    """
    layer = classifier.get_layer(CLASSES)
    return keras.Model(classifier.inputs, layer.input), layer.get_weights()[0]


def _dropout(x: keras.KerasTensor, rate: float, name: str) -> keras.KerasTensor:
    return keras.layers.Dropout(rate, dtype="float32", name=name)(x) if rate > 0 else x
