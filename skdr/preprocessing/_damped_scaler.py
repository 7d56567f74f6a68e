"""DampedScaler: standardise the features of a network, those that hardly vary less."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from skdr._damped import damped_statistics
from skdr._labels import check_weights
from skdr._sklearn import fit_context


class DampedScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Standardise features, and those that hardly vary less.

    To the variance of each feature the mean variance of all is added before the
    feature is divided by its root. `StandardScaler` makes all features count
    alike, and with them the noise of those that a network hardly ever turns on.
    The squared length of a vector is on average the number of features, as with
    `StandardScaler`, so that a penalty means the same. It is what the head of
    `FineTunedCNNClassifier` does.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Mean of each feature.
    scale_ : ndarray of shape (n_features,)
        What the centred features are divided by.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X was a DataFrame.

    See Also
    --------
    PretrainedFeatureExtractor : Computes such features.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr.preprocessing import DampedScaler
    >>> X = np.array([[0.0, 0.1], [8.0, 0.0], [0.0, 0.0], [8.0, 0.1]])
    >>> DampedScaler().fit_transform(X).std(axis=0).round(2)
    array([1.41, 0.03])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {}

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> "DampedScaler":
        """Learn mean and scale of each feature.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X holds values that are not finite.
        """
        features = validate_data(self, X, dtype=[np.float64, np.float32])
        counts = check_weights(sample_weight, len(features))
        self.mean_, variance = damped_statistics(features, counts)
        self.scale_ = np.sqrt(variance)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.floating]:
        """Centre and scale features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        scaled : ndarray of shape (n_samples, n_features)
            As float32 if X is, else as float64.
        """
        check_is_fitted(self)
        features = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        return ((features - self.mean_) / self.scale_).astype(features.dtype, copy=False)

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.floating]:
        """Undo `transform`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        features : ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        return np.asarray(X) * self.scale_ + self.mean_
