"""One switch for all that makes networks run faster without changing what they compute."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_VARIABLE = "SKDR_ACCELERATIONS"
_VALUES = {"1": True, "0": False}
_chosen: ContextVar[bool | None] = ContextVar("accelerations", default=None)


@contextmanager
def accelerations(enabled: bool) -> Iterator[None]:
    """Run networks with or without what skdr adds to Keras to make them faster.

    Without it, every network is built and compiled anew, and runs as Keras wrote
    it: BatchNorm is not folded into convolutions, 1x1 convolutions are not
    turned into products of matrices, each batch is a call of its own, the
    memory that is freed goes back as usual, and no network is shared. Scores
    and features are the same up to rounding: if they are not, that is a bug of
    skdr.

    The environment variable ``SKDR_ACCELERATIONS=0`` does the same for whole
    processes.

    Parameters
    ----------
    enabled : bool
        Whether to use what makes networks faster, in this thread and until the
        block ends. Worker processes and threads, such as those of ``n_jobs=2``,
        see only the environment variable.

    Yields
    ------
    None

    Examples
    --------
    >>> import numpy as np
    >>> import skdr
    >>> images = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    >>> extractor = skdr.PretrainedFeatureExtractor(image_size=64, cache=None)
    >>> fast = extractor.fit_transform(images)
    >>> with skdr.accelerations(False):
    ...     plain = extractor.fit_transform(images)
    >>> bool(np.allclose(fast, plain, atol=1e-4))
    True
    """
    token = _chosen.set(bool(enabled))
    try:
        yield
    finally:
        _chosen.reset(token)


def are_accelerations_enabled() -> bool:
    """Return whether `accelerations` or, outside of it, the environment enables them.

    Raises
    ------
    ValueError
        If the environment variable is neither 0 nor 1.
    """
    chosen = _chosen.get()
    if chosen is not None:
        return chosen
    told = os.environ.get(_VARIABLE, "1")
    if told not in _VALUES:
        raise ValueError(f"{_VARIABLE}={told!r} in the environment must be 0 or 1.")
    return _VALUES[told]
