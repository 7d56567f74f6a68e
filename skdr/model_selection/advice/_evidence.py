"""What is measured on the data before a strategy is recommended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from skdr._optional import import_optional
from skdr._text_table import TextTable
from skdr.estimators import PretrainedFeatureExtractor, network_of
from skdr.features import MEMORY
from skdr.model_selection._intervals import Interval, corrected_interval
from skdr.model_selection._sampling import with_sampler
from skdr.model_selection.advice._probe import (
    doubling_gains,
    head_probe,
    learning_curve,
    probe_scores,
    rescale_penalty,
)
from skdr.model_selection.advice._transferability import h_score, logme_score
from skdr.model_selection.comparison._folds import Split

_Name = TypeVar("_Name", str, int)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Numbers on the size of the data, and on how similar they are to the pretraining data.

    All scores are balanced accuracies of classifiers on the features of a
    frozen network, one per fold, on the same folds.

    Attributes
    ----------
    n_by_class : dict of label to int
        Images that were given.
    n_groups : int or None
        Patients that were given.
    n_measured : int
        Images that scores come from.
    widths : dict of str to int
        Number of features of each layer.
    test_share : float
        Test images of a fold over its training images.
    curve : dict of int to ndarray of shape (n_folds,)
        Scores on the last layer by number of training images.
    pretrained, random : dict of str to ndarray of shape (n_folds,)
        Scores by layer: of the pretrained network, and of the same network
        with random weights. Named taps from early to late, and last the
        layer, or layers side by side, that the strategies stand on.
    transfer : ndarray of shape (n_folds,)
        Scores of the head that transfer trains.
    mean_shift : dict of str to float
        By layer, the distance of the mean activations from the means stored in
        the last BatchNorm at or before the layer, in stored standard deviations:
        root mean square over the channels. Empty without BatchNorm.
    logme, h_score : dict of str to float
        Transferability scores by layer.
    """

    n_by_class: Mapping[Any, int]
    n_groups: int | None
    n_measured: int
    widths: Mapping[str, int]
    test_share: float
    curve: Mapping[int, NDArray[np.float64]]
    pretrained: Mapping[str, NDArray[np.float64]]
    random: Mapping[str, NDArray[np.float64]]
    transfer: NDArray[np.float64]
    mean_shift: Mapping[str, float]
    logme: Mapping[str, float]
    h_score: Mapping[str, float]

    @property
    def n_images(self) -> int:
        """Number of images that were given."""
        return sum(self.n_by_class.values())

    @property
    def last(self) -> str:
        """Name of the layer that the strategies stand on."""
        return list(self.pretrained)[-1]

    @property
    def best_layer(self) -> str:
        """The layer to take features from: the last, unless an earlier one is surely better."""
        gains = {name: self.layer_gain(name) for name in self.pretrained if name != self.last}
        sure = {name: gain.estimate for name, gain in gains.items() if gain.low > 0}
        return max(sure, key=lambda name: sure[name], default=self.last)

    @property
    def highest_layer(self) -> str:
        """The layer of the highest mean score, sure or not."""
        return _highest(self.pretrained)

    @property
    def doubling_gain(self) -> Interval:
        """What twice as many training images would add to the score: the slope of the curve.

        It is cut at the share of errors that are left.
        """
        score = float(np.mean(list(self.curve.values())[-1]))
        gain = corrected_interval(doubling_gains(dict(self.curve)), self.test_share)
        return gain.within(-score, 1 - score)

    @property
    def pretraining_gain(self) -> Interval:
        """How much better the best pretrained layer is than the best one of random weights."""
        gains = self.pretrained[self.highest_layer] - self.random[_highest(self.random)]
        return corrected_interval(gains, self.test_share).within(-1, 1)

    @property
    def chance(self) -> float:
        """The balanced accuracy of guessing."""
        return 1 / len(self.n_by_class)

    @property
    def similarity(self) -> float:
        """Share of the errors on random features that pretrained features avoid, up to 1."""
        error = 1 - np.mean(self.random[_highest(self.random)])
        return self.pretraining_gain.estimate / error if error > 0 else 0.0

    def layer_gain(self, layer: str) -> Interval:
        """Return how much better a layer is than the last, corrected for the number compared."""
        n_compared = max(1, len(self.pretrained) - 1)
        gain = self.pretrained[layer] - self.pretrained[self.last]
        return corrected_interval(gain, self.test_share, 1 - 0.05 / n_compared).within(-1, 1)

    def interval(self, scores: NDArray[np.float64]) -> Interval:
        """Return the mean of scores over the folds, with its 95% interval within 0..1."""
        return corrected_interval(scores, self.test_share).within(0, 1)

    def intervals(self, scores: Mapping[_Name, NDArray[np.float64]]) -> dict[_Name, Interval]:
        """Return the `interval` of each."""
        return {name: self.interval(by_fold) for name, by_fold in scores.items()}

    def to_frame(self) -> Any:
        """Return one row per layer: scores of both networks and similarity.

        Returns
        -------
        frame : pandas.DataFrame
        """
        pd = import_optional("pandas", purpose="to_frame")
        rows = {layer: self._row(layer) for layer in self.pretrained}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("layer")

    def __str__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table().to_html()

    def _row(self, layer: str) -> dict[str, float]:
        return {
            "features": self.widths[layer],
            "pretrained": float(self.pretrained[layer].mean()),
            "random": float(self.random[layer].mean()),
            "mean shift": self.mean_shift.get(layer, np.nan),
            "LogME": self.logme[layer],
            "H-score": self.h_score[layer],
        }

    def _table(self) -> TextTable:
        rows = {layer: self._row(layer) for layer in self.pretrained}
        cells = [[layer, *map(_shown, row.values())] for layer, row in rows.items()]
        return TextTable(["layer", *next(iter(rows.values()))], cells)


def measure(
    strategies: Mapping[str, Any],
    X: Any,
    y: NDArray[np.intp],
    groups: NDArray[Any] | None,
    splits: list[Split],
    sampler: Any,
    random_state: int | None,
) -> dict[str, Any]:
    """Return the attributes of `Evidence` that are measured, from one pass over two networks.

    Parameters
    ----------
    strategies : mapping of str to estimator
        As `make_strategies` returns them.
    X : array or DataFrame of n_samples images
    y : ndarray of shape (n_samples,)
        Positions of the labels in the sorted classes.
    groups : ndarray of shape (n_samples,) or None
    splits : list of tuple of (training rows, test rows)
    sampler : imbalanced-learn sampler or None
        Works inside the training folds only.
    random_state : int or None

    Returns
    -------
    measured : dict of str to object
    """
    extractor, classical = strategies["frozen_svm"][0], strategies["frozen_svm"][1:]
    # Random weights depend on the seed alone, and are the same for each fold.
    seed = 0 if random_state is None else random_state
    pretrained, shift = layer_features(extractor, X)
    random, _ = layer_features(clone(extractor).set_params(weights=None, random_state=seed), X)
    last = pretrained[list(pretrained)[-1]]

    def scores(features: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float64]]:
        probes = {
            name: with_sampler(sampler, rescale_penalty(classical, F.shape[1], last.shape[1]), F)
            for name, F in features.items()
        }
        return {name: probe_scores(probes[name], F, y, splits) for name, F in features.items()}

    probe = with_sampler(sampler, classical, last)
    head = with_sampler(sampler, head_probe(strategies["transfer"]), last)
    return {
        "n_measured": len(y),
        "widths": {name: F.shape[1] for name, F in pretrained.items()},
        "test_share": float(np.mean([len(test) / len(train) for train, test in splits])),
        "curve": learning_curve(probe, last, y, groups, splits, random_state),
        "pretrained": scores(pretrained),
        "random": scores(random),
        "transfer": probe_scores(head, last, y, splits),
        "mean_shift": shift,
        "logme": {k: logme_score(F, y) for k, F in pretrained.items()},
        "h_score": {k: h_score(F, y) for k, F in pretrained.items()},
    }


def layer_features(
    extractor: PretrainedFeatureExtractor, X: Any
) -> tuple[dict[str, NDArray[np.float32]], dict[str, float]]:
    """Return the features of the layers of a network, and how its statistics are shifted.

    All come from one pass of the images; the features are kept in the cache.

    Parameters
    ----------
    extractor : PretrainedFeatureExtractor
        Only read.
    X : array or DataFrame of n_samples images

    Returns
    -------
    features : dict of str to ndarray of shape (n_samples, n_features)
        Those of the named taps, early to late, and at the end those of the
        extractor's own layer, or layers side by side.
    mean_shift : dict of str to float
        See `Evidence`.
    """
    own = clone(extractor).set_params(pooling="avg", cache=extractor.cache or MEMORY)
    network = network_of(own.fit(X))
    wanted = network.layer_names(own.layer)
    name = own.layer if isinstance(own.layer, str) else " + ".join(wanted)
    taps = network.layers([], with_taps=True)
    batch_norms = {tap: norm for tap in taps if (norm := network.batch_norm_name(tap))}
    every = list(dict.fromkeys([*taps, *wanted, *batch_norms.values()]))
    ends = np.cumsum([network.n_features(name, "avg") for name in every])
    computed = own.set_params(layer=every).fit_transform(X)
    columns = dict(zip(every, np.split(computed, ends[:-1], axis=1), strict=True))
    shift = {tap: network.mean_shift(norm, columns[norm]) for tap, norm in batch_norms.items()}
    others = {tap: columns[tap] for tap in taps if [tap] != wanted}
    return {**others, name: np.hstack([columns[tap] for tap in wanted])}, shift


def _shown(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return "-" if np.isnan(value) else f"{value:.3f}"


def _highest(scores: Mapping[str, NDArray[np.float64]]) -> str:
    return max(scores, key=lambda name: float(scores[name].mean()))
