"""Grad-CAM: where in an image a classifier sees a class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from skdr.images import decoded_batches, resize, shown_image
from skdr.inspection._estimators import image_source, split_steps
from skdr.inspection._linear_scores import linear_scores
from skdr.inspection._plotting import image_axes, pyplot, short_name, write_caption
from skdr.networks import SplitNetwork, find_feature_map


def grad_cam(
    estimator: Any, X: Any, *, target: ArrayLike | None = None, layer: str | None = None
) -> Bunch:
    r"""Compute where in each image the evidence for a class lies.

    Grad-CAM [1]_: the channels :math:`A^k` of a feature map, weighted by what
    the score :math:`s_c` of class c gains from each on average, and the
    negative part cut off:

    .. math::
        \operatorname{ReLU}\Bigl(\sum_k \alpha_k A^k\Bigr), \qquad
        \alpha_k = \frac{1}{n_{ij}} \sum_{ij} \frac{\partial s_c}{\partial A^k_{ij}}

    The score is the one before the softmax. Where it is linear in averages of
    the last feature map, as with a frozen network, ``pooling="avg"`` and a
    linear model, this is the class activation map, and exact: score and map
    differ by a constant and by what was cut off.

    Parameters
    ----------
    estimator : estimator
        A fitted `FineTunedCNNClassifier` or `ScratchCNNClassifier`, or a
        Pipeline of `PretrainedFeatureExtractor`, any affine transformers
        (`StandardScaler`, PCA, a selector) and a linear classifier with
        `coef_`; in a Pipeline behind samplers, or in a search, whose best
        estimator it is.
    X : array-like, DataFrame or sequence of n_samples images
        In any of the forms that the estimator takes.
    target : label or array-like of shape (n_samples,), default=None
        The class that is looked for, one for all or one an image; None is
        the class that is predicted.
    layer : str, default=None
        The layer whose feature map is used: a tap of `list_taps` or the name
        of a Keras layer. None, as ``"last"``, is the last feature map.

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
    before, images, behind = split_steps(estimator)
    source = image_source(before, images, X)
    scores = linear_scores(images, behind, X if not before else source_items(before, X))
    target = predicted if target is None else np.asarray(target)
    target = np.broadcast_to(target, len(source)) if target.ndim == 0 else target
    coef = scores.coef.T[_class_numbers(target, scores.classes, len(source))]
    backbone = getattr(images, "backbone", None)
    feature_map = find_feature_map(scores.network, backbone, layer)
    split = SplitNetwork(scores.network, feature_map)
    batches = decoded_batches(source, images.image_size_, images.batch_size, images.preprocess)
    heat_maps, start = [], 0
    for batch in batches:
        heat_maps.append(_heat_maps(*split(batch, coef[start : start + len(batch)])))
        start += len(batch)
    return Bunch(
        heat_maps=np.concatenate(heat_maps),
        target=target,
        predicted=predicted,
        layer=feature_map.name,
    )
