"""A small network that learns from hundreds of images."""

import keras

from skdr.networks._head import STANDARDISE_PIXELS

_STEM_FILTERS = 24
_FILTERS = (48, 96, 192)


def build_small_cnn(input_shape: tuple[int, int, int]) -> keras.Model:
    """Build the default network of `ScratchCNNClassifier`.

    A 5 x 5 stem that leaves a quarter of the height and width, and three
    blocks of a 3 x 3 convolution with BatchNorm and ReLU, with pooling
    between; 220,000 weights. Pixels are standardised by the mean and
    deviation of the training images.

    Parameters
    ----------
    input_shape : tuple of (height, width, channels)

    Returns
    -------
    network : keras.Model
        On RGB images in 0..255, ends in its last feature map.
    """
    images = keras.Input(input_shape, name="images")
    x = keras.layers.BatchNormalization(
        center=False, scale=False, epsilon=1e-6, trainable=False, name=STANDARDISE_PIXELS
    )(images)
    x = _conv_bn_relu(x, _STEM_FILTERS, "stem", kernel_size=5, strides=2)
    for block, filters in enumerate(_FILTERS, start=1):
        x = keras.layers.MaxPooling2D(padding="same", name=f"block{block}_pool")(x)
        x = _conv_bn_relu(x, filters, f"block{block}")
    return keras.Model(images, x, name="small_cnn")


def _conv_bn_relu(
    x: keras.KerasTensor, filters: int, name: str, kernel_size: int = 3, strides: int = 1
) -> keras.KerasTensor:
    x = keras.layers.Conv2D(
        filters, kernel_size, strides, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
