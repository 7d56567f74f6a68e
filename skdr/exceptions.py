"""The errors and warnings of skdr."""

__all__ = ["ImageDecodeError", "LeakageWarning", "WeightsNotFoundError"]


class ImageDecodeError(ValueError):
    """Images could not be turned into pixels.

    The message lists every bad image found, each with its index in X, its
    path where it has one, and the cause.

    Attributes
    ----------
    indices : tuple of int
        The positions in X of the images that could not be decoded.
    causes : tuple of str
        What is wrong with each of them.
    """

    def __init__(
        self, message: str, indices: tuple[int, ...] = (), causes: tuple[str, ...] | None = None
    ):
        super().__init__(message)
        self.indices = indices
        self.causes = (message,) * len(indices) if causes is None else causes

    def __reduce__(self):
        return type(self), (self.args[0], self.indices, self.causes)


class WeightsNotFoundError(OSError):
    """The weights of a network are not on this machine and cannot be downloaded.

    The message names the file, the folder in which it is looked for and the
    alternatives that work offline.
    """


class LeakageWarning(UserWarning):
    """A patient or an image is on both sides of a split.

    Scores on the test side are then higher than scores on new patients will be.
    """
