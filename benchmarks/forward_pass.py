"""The forward pass of a frozen network, against Keras's own and against plain matrix products."""

import importlib.util

import keras
import numpy as np
import tensorflow as tf
from networks import spread_batch_norm
from report import interleaved, parse, print_machine, print_ratios

from skdr.networks import ForwardPass, build_backbone, default_image_size

# Multiplications and additions of one image at the default size, in 1e9.
OPERATIONS = {
    "InceptionV3": 11.4,
    "ResNet50": 7.7,
    "MobileNetV2": 0.60,
    "EfficientNetLite0": 0.77,
}


def sgemm_rate(rounds=9, n=2048):
    """Return how many 1e9 operations a second matrix products reach."""
    a = tf.random.uniform((n, n))
    product = tf.function(lambda: tf.linalg.matmul(a, a)[0, 0])
    seconds = interleaved({"sgemm": lambda: product().numpy()}, rounds)["sgemm"]
    return 2 * n**3 / np.median(seconds) / 1e9


def openvino_pass(network):
    """Return the forward pass by OpenVINO in float32, where it is installed."""
    import openvino

    model = openvino.convert_model(network)
    model.reshape([-1, *network.input_shape[1:]])
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda images: compiled(images)[0]


def measure(name, n_images, rounds):
    """Compare the ways to run one network, and print the ratios."""
    network = build_backbone(name, None, default_image_size(name))
    spread_batch_norm(network)
    pooled = keras.layers.GlobalAveragePooling2D()(network.outputs[0])
    network = keras.Model(network.inputs, pooled)
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (n_images, *network.input_shape[1:])).astype(np.float32)
    compiled = tf.function(lambda batch: network(batch, training=False))
    ours = ForwardPass(network)
    alternatives = {
        "keras.Model.predict": lambda: network.predict(images, verbose=0),
        "compiled call": lambda: compiled(images).numpy(),
        "skdr": lambda: ours([images]),
    }
    if importlib.util.find_spec("openvino"):
        run = openvino_pass(network)
        alternatives["OpenVINO"] = lambda: run(images)
    expected = compiled(images).numpy()
    error = np.abs(ours([images]) - expected).max() / np.abs(expected).max()
    rate = sgemm_rate()
    seconds = interleaved(alternatives, rounds)
    share = OPERATIONS[name] * n_images / np.median(seconds["skdr"]) / rate
    print(f"\n{name}: {share:.0%} of the rate of sgemm ({rate:.0f} GFLOP/s), ", end="")
    print(f"outputs within {error:.0e} of Keras's")
    print_ratios(seconds, "keras.Model.predict", per_second=n_images)


def main():
    options = parse(__doc__, backbone="", n_images=32, rounds=5)
    print_machine()
    for name in [options.backbone] if options.backbone else OPERATIONS:
        measure(name, options.n_images, options.rounds)


if __name__ == "__main__":
    main()
