"""The forward pass of a frozen network, against Keras's own and against plain matrix products."""

import importlib.util
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from matmul import matmul_rate
from networks import OPERATIONS, build_network
from report import interleaved, parse, print_machine, print_ratios

from skdr.networks._build import use_dtype
from skdr.runtime._forward import ForwardPass
from skdr.runtime._openvino import OpenVINO


def plain_openvino(network):
    """Return the forward pass by OpenVINO as one would write it by hand, in float32."""
    import openvino

    model = openvino.convert_model(network)
    model.reshape([-1, *network.input_shape[1:]])
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda images: compiled(images)[0]


def in_bfloat16(network):
    """Return a copy of a network that computes in bfloat16."""
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    use_dtype(copy, "bfloat16")
    return copy


def measure(name, n_images, rounds):
    """Compare the ways to run one network, and print the ratios."""
    network = build_network(name)
    pooled = keras.layers.GlobalAveragePooling2D()(network.outputs[0])
    network = keras.Model(network.inputs, pooled)
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (n_images, *network.input_shape[1:])).astype(np.float32)
    compiled = tf.function(lambda batch: network(batch, training=False))
    passes = {
        "skdr": ForwardPass(network),
        "skdr, bfloat16": ForwardPass(in_bfloat16(network)),
    }
    if importlib.util.find_spec("openvino"):
        passes["skdr, openvino"] = ForwardPass(network, compiler=OpenVINO("float32"))
        passes["skdr, openvino, bfloat16"] = ForwardPass(network, compiler=OpenVINO("bfloat16"))
    alternatives = {
        "keras.Model.predict": lambda: network.predict(images, verbose=0),
        "compiled call": lambda: compiled(images).numpy(),
        **{way: partial(run, [images]) for way, run in passes.items()},
    }
    if importlib.util.find_spec("openvino"):
        by_hand = plain_openvino(network)
        alternatives["OpenVINO by hand, float32"] = lambda: by_hand(images)
    expected = compiled(images).numpy()
    print(f"\n{name}: outputs differ from Keras's, at most, by this share of the largest:")
    for way, run in passes.items():
        print(f"{way:>34}  {np.abs(run([images]) - expected).max() / np.abs(expected).max():.0e}")
    rate = matmul_rate("float32", n=2048, rounds=9)
    seconds = interleaved(alternatives, rounds)
    print(f"share of the rate of sgemm ({rate:.0f} GFLOP/s):")
    for way in ("skdr", "skdr, openvino"):
        if way in seconds:
            share = OPERATIONS[name] * n_images / np.median(seconds[way]) / rate
            print(f"{way:>34}  {share:.0%}")
    print_ratios(seconds, "keras.Model.predict", per_second=n_images)


def main():
    options = parse(__doc__, backbone="", n_images=32, rounds=5)
    print_machine()
    for name in [options.backbone] if options.backbone else OPERATIONS:
        measure(name, options.n_images, options.rounds)


if __name__ == "__main__":
    main()
