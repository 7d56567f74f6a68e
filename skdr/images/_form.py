"""How an estimator finds the images in its X."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from skdr.images._find import as_image_source
from skdr.images._pixels import ValueRange
from skdr.images._source import ImageSource


@dataclass(frozen=True)
class ImageForm:
    """How images are found in X: the parameters of an estimator that say so.

    Attributes
    ----------
    image_shape, image_column, value_range
        See `as_image_source`.
    """

    image_shape: tuple[int, ...] | None = None
    image_column: str | None = None
    value_range: ValueRange | None = None

    @classmethod
    def of(cls, estimator: Any) -> "ImageForm":
        """Return the form that the parameters of an estimator describe."""
        parameters = estimator.get_params(deep=False)
        return cls(**{field.name: parameters.get(field.name) for field in fields(cls)})

    @property
    def says_where(self) -> bool:
        """Whether it says where in X the images are."""
        return self.image_column is not None or self.image_shape is not None

    def source(self, X: Any, *, check_headers: bool = False) -> ImageSource:
        """Return the images in X, see `as_image_source`."""
        return as_image_source(X, **vars(self), check_headers=check_headers)


def image_forms(estimator: Any) -> Iterator[ImageForm]:
    """Yield the form of an estimator and of those inside it, the outermost first.

    Parameters
    ----------
    estimator : estimator
        One that takes images, or a pipeline or search that holds such estimators.
    """
    inner = estimator.get_params()
    by_depth = sorted(inner, key=lambda name: name.count("__"))
    for each in [estimator, *(inner[name] for name in by_depth)]:
        is_estimator = hasattr(each, "get_params") and not isinstance(each, type)
        if is_estimator and "image_column" in each.get_params(deep=False):
            yield ImageForm.of(each)
