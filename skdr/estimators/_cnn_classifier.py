"""CNNClassifier: what the two classifiers share, and the order of fit."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from functools import cached_property
from numbers import Integral, Real
from typing import Any, ClassVar

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
)

from skdr._atomic import atomic
from skdr._labels import check_groups, check_weights, encode_labels
from skdr._progress import ProgressBar
from skdr._sklearn import FitTasks, Interval, StrOptions, fit_context
from skdr._stratified import stratified_folds
from skdr.devices import batch_size_of_training, data_parallel
from skdr.estimators._image_estimator import ImageEstimator
from skdr.estimators._targets import (
    check_one_label_an_image,
    class_weights,
    merge_equal_images,
    wants_class_numbers,
)
from skdr.images import ImageArray, ImageSource, batches_of, decode_all, decoded_batches
from skdr.networks import exportable, set_class_shares
from skdr.runtime import FittedNetwork, TrainableNetwork, lend_network
from skdr.training import Examples, HeadFeatures, Trainer, TrainingOptions, TrainingPlan, train


class CNNClassifier(ClassifierMixin, ImageEstimator, ABC):
    """What the two classifiers share: the order of `fit`, and prediction.

    A subclass returns a plan: which network is trained, and in which phases.
    """

    _training_constraints: ClassVar[dict[str, Any]] = {
        **ImageEstimator._image_constraints,
        "pooling": [StrOptions({"avg", "max", "avgmax"}), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "hidden_layer_sizes": ["array-like"],
        "epochs": [Interval(Integral, 0, None, closed="left")],
        "learning_rate": [
            Interval(Real, 0, None, closed="neither"),
            keras.optimizers.schedules.LearningRateSchedule,
        ],
        "warmup_epochs": [Interval(Real, 0, None, closed="left")],
        "schedule": [StrOptions({"cosine", "constant"})],
        "optimizer": [str, keras.optimizers.Optimizer],
        "loss": [str, keras.losses.Loss, callable],
        "metrics": ["array-like", None],
        "augmentation": [
            StrOptions({"fundus", "natural"}),
            keras.layers.Layer,
            "array-like",
            None,
        ],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "group_column": [str, None],
        "callbacks": ["array-like", None],
        "warm_start": ["boolean"],
        "dtype": [StrOptions({"float32", "bfloat16"})],
        "devices": [StrOptions({"all"}), "array-like", None],
        "random_state": ["random_state"],
    }

    @abstractmethod
    def _training_plan(self, n_images: int) -> TrainingPlan:
        """Return which network is trained on so many images, in which phases."""

    @atomic
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> "CNNClassifier":
        """Train the network on labelled images.

        Images of equal contents and label count as one with the sum of their
        weights, and the order of the rows does not matter.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of n_samples images
            Images in any of the forms that the user guide lists.
        y : array-like of shape (n_samples,)
            Class labels: numbers or strings.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the images; one of weight 0 is not used at all.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ImageDecodeError
            If images are missing or broken; the message names all that half a
            minute of further decoding finds.
        WeightsNotFoundError
            If the weights are not on this machine, before any decoding.
        ValueError
            If X holds no images, y is no class labels, or training diverges.
        """
        source = self._validate_images(X, reset=True)
        plan = self._training_plan(len(source))
        check_one_label_an_image(source, y)
        tasks = FitTasks(self, X, y, sample_weight, n_phases=plan.n_phases)
        y = self._encode_labels(y, len(source))
        weights = check_weights(sample_weight, len(source))
        groups = self._groups(X, len(source))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        chosen, weights = merge_equal_images(source, y, weights, groups)
        if len(np.unique(y[chosen])) < 2:
            raise ValueError("Training needs images of at least two classes of positive weight.")
        split = self._split(y[chosen], None if groups is None else groups[chosen], seed)
        image_size = self._resolve_image_size(
            source, plan.recipe.default_image_size, plan.recipe.smallest_image_size
        )
        with data_parallel(self.devices), self._lend_network(plan, image_size, seed) as network:
            self._load_start(network, image_size)
            examples = [
                self._examples(
                    source.take(chosen[rows]), y[chosen[rows]], weights[rows], image_size
                )
                for rows in split
            ]
            if not self._is_warm_start:
                shares = np.bincount(y[chosen[split[0]]], examples[0].weights, len(self.classes_))
                set_class_shares(network.network, shares)
            trainer = self._trainer(plan, network, examples, tasks, image_size, seed)
            features = self._head_features(plan, image_size, seed)
            train(trainer, plan, features, is_warm_start=self._is_warm_start)
            self._keep(trainer, image_size)
            self._features = features
            self._first_of_head = trainer.what_learns(plan.phases[0]).first_trainable
        tasks.finish()
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Return the probability of each class for each image.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of n_samples images
            In any of the forms that `fit` takes.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes) and dtype float32
            Columns are in the order of `classes_`.
        """
        check_is_fitted(self)
        return self._probabilities(self._validate_images(X, reset=False))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each image.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of n_samples images
            In any of the forms that `fit` takes.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def _encode_labels(self, y: ArrayLike, n_samples: int) -> NDArray[np.intp]:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, "
                "but the target y is None."
            )
        classes, encoded = encode_labels(y)
        check_consistent_length(np.empty(n_samples), encoded)
        if self._is_warm_start and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"warm_start=True, but y has classes {classes.tolist()} and the last fit had "
                f"{self.classes_.tolist()}."
            )
        if len(classes) < 2:
            raise ValueError(
                f"Training needs at least two classes; y has one class {classes.tolist()[0]!r}."
            )
        self.classes_: NDArray[Any] = classes
        return encoded

    def _groups(self, X: Any, n_samples: int) -> NDArray[Any] | None:
        if self.group_column is None:
            return None
        if self.group_column not in list(getattr(X, "columns", [])):
            raise ValueError(
                f"group_column={self.group_column!r} is not a column of X; X must be a DataFrame "
                "with the images in one column and the groups (patients) in another."
            )
        groups = check_groups(X[self.group_column], f"group_column={self.group_column!r}")
        return np.unique(groups, return_inverse=True)[1]

    def _split(
        self, y: NDArray[np.intp], groups: NDArray[Any] | None, seed: int
    ) -> list[NDArray[np.intp]]:
        """Return the rows to train on and, with early stopping, those to validate on."""
        if not self.early_stopping:
            return [np.arange(len(y))]
        rarest = np.bincount(y).argsort()[0]
        if np.bincount(y)[rarest] < 2:
            raise ValueError(
                f"early_stopping=True needs two images of each class; class "
                f"{self.classes_.tolist()[rarest]!r} has fewer."
            )
        if groups is None:
            n_validation = max(int(np.ceil(self.validation_fraction * len(y))), y.max() + 1)
            splitter = StratifiedShuffleSplit(1, test_size=int(n_validation), random_state=seed)
        else:
            n_folds = max(2, round(1 / self.validation_fraction))
            splitter = stratified_folds(n_folds, groups, random_state=seed)
        return list(next(splitter.split(y, y, groups)))

    @property
    def _is_warm_start(self) -> bool:
        return self.warm_start and hasattr(self, "_fitted")

    def _probabilities(self, source: ImageSource) -> NDArray[np.float32]:
        """Run the network, from the images or from features that may be in the cache."""
        if self._features is not None:
            vectors = self._features(source, verbose=self.verbose)
            batches = batches_of(vectors, self._prediction_batch_size)
            return self._fitted(batches, self._first_of_head)
        images = decoded_batches(
            source, self.image_size_, self._prediction_batch_size, self.preprocess
        )
        bar = ProgressBar(len(source), "image", self.verbose)
        return self._fitted(bar.counted(images))

    def _lend_network(
        self, plan: TrainingPlan, image_size: tuple[int, int], seed: int
    ) -> AbstractContextManager[TrainableNetwork]:
        recipe, n_classes = plan.recipe, len(self.classes_)
        key = recipe.key(image_size, n_classes, seed)
        return lend_network(
            None if key is None else (key, str(self.devices)),
            lambda: recipe.build(image_size, n_classes, seed),
            seed=seed,
            draws_weights=recipe.draws_weights,
            keep=not self.callbacks,  # the user's callbacks may have changed anything in it
        )

    def _head_features(
        self, plan: TrainingPlan, image_size: tuple[int, int], seed: int
    ) -> HeadFeatures | None:
        """Return what computes the inputs of the head, unless layers below have learned."""
        if plan.head_features is None or not plan.trains_head_alone:
            return None
        if not self._is_warm_start:
            return plan.head_features(image_size, seed, None)
        if self._features is None:
            return None
        return plan.head_features(image_size, seed, self._features.network)

    def _trainer(
        self,
        plan: TrainingPlan,
        network: TrainableNetwork,
        examples: list[Examples],
        tasks: FitTasks,
        image_size: tuple[int, int],
        seed: int,
    ) -> Trainer:
        def as_fitted() -> dict[str, Any]:
            fitted = FittedNetwork(network.architecture, network.network.get_weights())
            return {"_fitted": fitted, "_features": None, "image_size_": image_size}

        training, *validation = examples
        return Trainer(
            network,
            plan.recipe.backbone,
            training,
            validation[0] if validation else None,
            self._training_options(seed),
            self.callbacks or (),
            tasks,
            as_fitted,
        )

    def _load_start(self, network: TrainableNetwork, image_size: tuple[int, int]) -> None:
        """Fill the network with the weights that training starts from."""
        if not self._is_warm_start:
            self.weights_hash_ = network.weights_hash
            network.load(network.initial_weights)
            return
        if image_size != self.image_size_:
            raise ValueError(
                f"warm_start=True, but images are {image_size} and were {self.image_size_}."
            )
        try:
            network.load(self._fitted.weights)
        except ValueError as exc:
            raise ValueError(f"warm_start=True, but the network has changed: {exc}") from exc

    def _examples(
        self,
        source: ImageSource,
        y: NDArray[np.intp],
        weights: NDArray[np.float64],
        image_size: tuple[int, int],
    ) -> Examples:
        in_loss = weights * class_weights(self.class_weight, self.classes_, y, weights)[y]
        targets: NDArray[Any] = y
        if not wants_class_numbers(self.loss):
            targets = np.eye(len(self.classes_), dtype=np.float32)[y]

        def decode(source: ImageSource) -> ImageArray:
            return decode_all(source, image_size, self._prediction_batch_size, self.preprocess)

        total = float(in_loss.sum())
        in_loss = (in_loss / in_loss.mean()).astype(np.float32)
        return Examples(source, targets, in_loss, total, weights, decode)

    def _training_options(self, seed: int) -> TrainingOptions:
        return TrainingOptions(
            optimizer=self.optimizer,
            loss=self.loss,
            metrics=["accuracy"] if self.metrics is None else list(self.metrics),
            batch_size=batch_size_of_training(self.batch_size),
            finds_batch_size=self.batch_size == "auto",
            augmentation=self.augmentation,
            n_iter_no_change=self.n_iter_no_change,
            tol=self.tol,
            verbose=int(self.verbose),
            seed=seed,
        )

    def _keep(self, trainer: Trainer, image_size: tuple[int, int]) -> None:
        self.__dict__.pop("model_", None)
        self._fitted = FittedNetwork(trainer.network.architecture, trainer.classifier.get_weights())
        self.image_size_ = image_size
        self.batch_size_ = trainer.batch_size
        self.history_ = trainer.history
        self.n_iter_ = len(trainer.history.get("loss", []))
        self.best_validation_loss_ = trainer.keep_best.best_loss if self.early_stopping else None

    @cached_property
    def model_(self) -> keras.Model:
        """The trained network: a copy, made when it is first asked for."""
        check_is_fitted(self)
        return exportable(self._fitted.to_keras())
