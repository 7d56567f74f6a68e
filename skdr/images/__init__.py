"""What a user's X is, and how it becomes batches of RGB pixels in 0..255."""

from skdr.images._batches import ImageArray, batches_of, decode_all, decoded_batches, resize
from skdr.images._find import as_image_column, as_image_source, holds_flat_rows
from skdr.images._form import ImageForm, image_forms
from skdr.images._pixels import ValueRange
from skdr.images._shown import shown_image
from skdr.images._source import ImageSource
from skdr.images._validate import validate_images

__all__ = [
    "ImageArray",
    "ImageForm",
    "ImageSource",
    "ValueRange",
    "as_image_column",
    "as_image_source",
    "batches_of",
    "decode_all",
    "decoded_batches",
    "holds_flat_rows",
    "image_forms",
    "resize",
    "shown_image",
    "validate_images",
]
