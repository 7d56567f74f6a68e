"""Grad-CAM: where in an image a classifier sees a class."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from sklearn.utils import Bunch

from skdr.devices import batch_size_of_training
from skdr.images import batches_of, decoded_batches, shown_image
from skdr.inspection._estimators import SplitEstimator, split_at_image_step
from skdr.inspection._linear_scores import linear_scores
from skdr.inspection._plotting import image_axes, short_name, write_caption
from skdr.runtime import SplitNetwork, find_feature_map

# An image, a gap, and the image with its map; the width of an image is 1.
_PAIR_WIDTH = 2.04


def grad_cam(
    estimator: Any, X: Any, *, target: ArrayLike | None = None, layer: str | None = None
) -> Bunch:
    r"""Compute where in each image the evidence for a class lies.

    Grad-CAM [1]_: the channels :math:`A^k` of a feature map are weighted by the
    mean gradient of the score :math:`s_c` of class c with respect to each, and
    the negative part of their sum is cut off:

    .. math::
        \operatorname{ReLU}\Bigl(\sum_k \alpha_k A^k\Bigr), \qquad
        \alpha_k = \frac{1}{n_{ij}} \sum_{ij} \frac{\partial s_c}{\partial A^k_{ij}}

    The score is the one before the softmax. Where it is linear in averages of
    the last feature map, as with a frozen network, ``pooling="avg"`` and a
    linear model, this is the class activation map, and exact: before the cut,
    its values add up to the score, up to a constant.

    Parameters
    ----------
    estimator : estimator
        A fitted `FineTunedCNNClassifier` or `ScratchCNNClassifier`, or a
        Pipeline of `PretrainedFeatureExtractor`, any affine transformers
        (`StandardScaler`, PCA, a selector) and a linear classifier with
        `coef_`. It may be in a Pipeline behind samplers, or be the best
        estimator of a search.
    X : array-like, DataFrame or sequence of n_samples images
        In any of the forms that the estimator takes.
    target : label or array-like of shape (n_samples,), default=None
        The class that is looked for, one for all or one per image; None is
        the class that is predicted.
    layer : str, default=None
        The layer whose feature map is used: a tap of `list_taps` or the name
        of a Keras layer. None, like ``"last"``, is the last feature map.

    Returns
    -------
    result : Bunch
        With ``heat_maps`` (ndarray of shape (n_samples, rows, columns),
        float32, not negative, in units of the score: a map covers the whole
        image, squeezed to the square that the network sees), ``target`` and
        ``predicted`` (class labels, each of shape (n_samples,)), and
        ``layer`` (the name of the Keras layer).

    Raises
    ------
    TypeError
        If the estimator is none of these.
    ValueError
        If a step is not affine, a target is no class, or the layer has no
        feature map of more than one pixel.

    See Also
    --------
    GradCAMDisplay : Draws the maps on the images.

    Notes
    -----
    A map shows where the score comes from, not why, and not whether it is
    right. Its pixels are large: 32 pixels of the network's input a side in
    the last map of most networks.

    References
    ----------
    .. [1] R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep
       Networks via Gradient-based Localization", ICCV 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr import ScratchCNNClassifier
    >>> from skdr.inspection import grad_cam
    >>> images = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
    >>> classifier = ScratchCNNClassifier(image_size=64, epochs=1, random_state=0)
    >>> classifier = classifier.fit(images, [0, 1] * 4)
    >>> grad_cam(classifier, images[:2]).heat_maps.shape
    (2, 4, 4)
    """
    predicted = np.asarray(estimator.predict(X))
    parts = split_at_image_step(estimator, X)
    scores = linear_scores(parts.image_step, parts.later_steps, parts.X)
    target = _one_each(predicted if target is None else target, len(predicted))
    coef = scores.coef.T[_class_numbers(target, scores.classes)]
    feature_map = find_feature_map(scores.network, parts.image_step.backbone, layer)
    split = SplitNetwork(scores.network, feature_map)
    heat_maps = [
        _heat_maps(*split(batch, rows))
        for batch, rows in zip(
            _batches(parts),
            batches_of(coef, batch_size_of_training(parts.image_step.batch_size)),
            strict=True,
        )
    ]
    return Bunch(
        heat_maps=np.concatenate(heat_maps),
        target=target,
        predicted=predicted,
        layer=feature_map.name,
    )


class GradCAMDisplay:
    """Images with the places where a classifier sees a class.

    Best made by `from_estimator`, which computes the maps with `grad_cam`.

    Parameters
    ----------
    images : list of ndarray of shape (height, width, 3) and dtype uint8
        Each at its own size.
    heat_maps : list of ndarray of shape (height, width) and dtype float32
        Each of the size of its image.
    target : ndarray of shape (n_images,)
        The class that each map is for.
    predicted : ndarray of shape (n_images,)
        The predicted classes.
    names : list of str
        File names, or positions in X.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_images,)
    figure_ : matplotlib Figure

    See Also
    --------
    grad_cam : The maps at the network's own size.

    Examples
    --------
    >>> from skdr import ScratchCNNClassifier
    >>> from skdr.datasets import make_fundus_images
    >>> from skdr.inspection import GradCAMDisplay
    >>> data = make_fundus_images(8, image_size=64, random_state=0)
    >>> classifier = ScratchCNNClassifier(image_size=64, epochs=1, random_state=0)
    >>> classifier = classifier.fit(data.images, data.target)
    >>> display = GradCAMDisplay.from_estimator(classifier, data.images[:2])
    >>> display.heat_maps[0].shape
    (64, 64)
    """

    def __init__(
        self,
        *,
        images: Sequence[NDArray[np.uint8]],
        heat_maps: Sequence[NDArray[np.float32]],
        target: NDArray[Any],
        predicted: NDArray[Any],
        names: Sequence[str],
    ):
        self.images = images
        self.heat_maps = heat_maps
        self.target = target
        self.predicted = predicted
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        target: ArrayLike | None = None,
        layer: str | None = None,
        cmap: str = "inferno",
        alpha: float = 0.6,
        n_columns: int = 3,
        axes: Any = None,
    ) -> "GradCAMDisplay":
        """Compute the maps of some images and draw them.

        Parameters
        ----------
        estimator, X, target, layer
            See `grad_cam`.
        cmap, alpha, n_columns, axes
            See `plot`.

        Returns
        -------
        display : GradCAMDisplay
            Its images are what `preprocess` made of them, before they are
            squeezed to the network's square; those with a side of more than
            1,024 pixels are reduced to it.
        """
        result = grad_cam(estimator, X, target=target, layer=layer)
        parts = split_at_image_step(estimator, X)
        source = parts.source()
        images = [shown_image(source, i, parts.image_step.preprocess) for i in range(len(source))]
        display = cls(
            images=images,
            heat_maps=[
                _enlarged(heat_map, image.shape[:2])
                for heat_map, image in zip(result.heat_maps, images, strict=True)
            ],
            target=result.target,
            predicted=result.predicted,
            names=[source.name(i) for i in range(len(source))],
        )
        return display.plot(cmap=cmap, alpha=alpha, n_columns=n_columns, axes=axes)

    def plot(
        self,
        *,
        cmap: str = "inferno",
        alpha: float = 0.6,
        n_columns: int = 3,
        axes: Any = None,
    ) -> "GradCAMDisplay":
        """Draw each image and, to its right, the same in grey with its map over it.

        Parameters
        ----------
        cmap : str or matplotlib Colormap, default="inferno"
            Colours from nothing to the largest value of each map.
        alpha : float, default=0.6
            Opacity of the map where it is largest.
        n_columns : int, default=3
            Pairs in a row.
        axes : sequence of matplotlib Axes, default=None
            One per image; None makes a new figure.

        Returns
        -------
        display : GradCAMDisplay
        """
        aspects = [image.shape[0] / image.shape[1] / _PAIR_WIDTH for image in self.images]
        self.figure_, self.axes_ = image_axes(aspects, n_columns, axes, width=3.4, n_lines=2)
        for axis, image, heat_map, caption in zip(
            self.axes_, self.images, self.heat_maps, self._captions(), strict=True
        ):
            _draw_pair(axis, image, heat_map, cmap, alpha)
            write_caption(axis, caption)
        if axes is None:
            n_rows = -(-len(self.axes_) // n_columns)
            _draw_colour_bar(self.axes_, cmap, shrink=0.8 / n_rows)
        return self

    def _captions(self) -> list[list[str]]:
        return [
            [f"evidence for {t} (predicted{'' if p == t else f' {p}'})", short_name(name)]
            for t, p, name in zip(self.target, self.predicted, self.names, strict=True)
        ]


def _one_each(target: ArrayLike, n_images: int) -> NDArray[Any]:
    target = np.asarray(target)
    if target.ndim == 0:
        return np.full(n_images, target)
    if target.shape != (n_images,):
        raise ValueError(f"target has shape {target.shape}; X holds {n_images} images.")
    return target


def _class_numbers(target: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.intp]:
    unknown = np.setdiff1d(target, classes)
    if len(unknown):
        raise ValueError(f"target holds {unknown.tolist()}, not in the classes {classes.tolist()}.")
    return np.searchsorted(classes, target)


def _batches(parts: SplitEstimator) -> Iterator[NDArray[Any]]:
    images = parts.image_step
    n_at_once = batch_size_of_training(images.batch_size)
    return decoded_batches(parts.source(), images.image_size_, n_at_once, images.preprocess)


def _heat_maps(maps: NDArray[np.float32], gradients: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weight the channels by their mean gradient, and keep what is evidence for the class."""
    weights = gradients.mean(axis=(1, 2))
    return np.maximum(np.einsum("nijk,nk->nij", maps, weights), 0)


def _enlarged(heat_map: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    height, width = size
    enlarged = Image.fromarray(heat_map).resize((width, height), Image.Resampling.BICUBIC)
    return np.maximum(np.asarray(enlarged), 0)


def _draw_pair(
    axis: Any, image: NDArray[np.uint8], heat_map: NDArray[np.float32], cmap: Any, alpha: float
) -> None:
    """Draw an image and, to its right, the same in grey with the map in colour over it."""
    height, width = image.shape[:2]
    left, right = (_PAIR_WIDTH - 1) * width, _PAIR_WIDTH * width
    share = heat_map / (heat_map.max() or 1)
    grey = image @ (0.299, 0.587, 0.114)
    axis.imshow(image, extent=(0, width, height, 0))
    axis.imshow(grey, extent=(left, right, height, 0), cmap="gray", vmin=0, vmax=255)
    over = axis.imshow(share, extent=(left, right, height, 0), cmap=cmap, vmin=0, vmax=1)
    over.set_alpha(alpha * share)
    axis.set(xlim=(0, right), ylim=(height, 0))


def _draw_colour_bar(axes: NDArray[Any], cmap: Any, shrink: float) -> None:
    from matplotlib.cm import ScalarMappable

    bar = axes[0].figure.colorbar(ScalarMappable(cmap=cmap), ax=axes, shrink=shrink, panchor=False)
    bar.set_label("share of the maximum", fontsize="small")
