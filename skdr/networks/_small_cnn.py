"""A small network that learns from hundreds of images."""

import keras

from skdr.networks._head import STANDARDISE_PIXELS

_FILTERS = (32, 64, 128, 256)


def build_small_cnn(input_shape: tuple[int, int, int]) -> keras.Model:
    """Build the default network of `ScratchCNNClassifier`.

    A stem that halves the image and four blocks of a 3 x 3 convolution with
    BatchNorm and ReLU, with pooling between; 390,000 weights. Pixels are
    standardised by the mean and deviation of the training images.

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
    x = _conv_bn_relu(x, 16, "stem", strides=2)
    for block, filters in enumerate(_FILTERS, start=1):
        x = _conv_bn_relu(x, filters, f"block{block}")
        if block < len(_FILTERS):
            x = keras.layers.MaxPooling2D(padding="same", name=f"block{block}_pool")(x)
    return keras.Model(images, x, name="small_cnn")


def _conv_bn_relu(
    x: keras.KerasTensor, filters: int, name: str, strides: int = 1
) -> keras.KerasTensor:
    x = keras.layers.Conv2D(
        filters, 3, strides, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    # Few steps are taken on few images: the statistics must follow fast.
    x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
