"""Extraction on a GPU: its share of the rate of matrix products, and where the time goes.

On whatever backend Keras runs, with a GPU or without. The network alone gets a batch that
is on the device already; from memory, batches of whole grey levels; from files, JPEG of
512 pixels, decoded beside it.
"""

import tempfile
from pathlib import Path

import keras
import numpy as np
from matmul import matmul_rate
from networks import OPERATIONS, build_network
from photographs import write_photographs
from report import interleaved, parse, print_machine

from skdr import PretrainedFeatureExtractor
from skdr.devices._gpu import list_gpus
from skdr.images import as_image_source, batches_of, decode_all
from skdr.networks import default_image_size
from skdr.runtime import frozen_network
from skdr.runtime._fold import fold_batch_norm

NETWORKS = ["InceptionV3", "EfficientNetLite0"]
SIDE = 512


def print_speeds(way, n_images, seconds, rate=None):
    """Print images a second and, of a network, their share of a rate of operations."""
    speeds = n_images / np.array(seconds)
    share = f"  {np.median(speeds) / rate:6.1%} of the rate of matrix products" if rate else ""
    print(
        f"{way:>16}  {np.median(speeds):8.0f} images/s "
        f"({speeds.min():.0f} to {speeds.max():.0f}){share}",
        flush=True,
    )


def measure(name, paths, batch_size, rounds, n_matmul):
    """Print images a second of one network in all precisions."""
    size = default_image_size(name)
    network = build_network(name)
    source = as_image_source(paths)
    pixels = decode_all(source, size, batch_size)
    decoding = interleaved({"decoding": lambda: decode_all(source, size, batch_size)}, rounds)
    print(f"\n{name}, {size[0]} px")
    print_speeds("decoding alone", len(paths), decoding["decoding"])
    batch = keras.ops.convert_to_tensor(pixels[:batch_size].astype(np.float32))
    expected = None
    for dtype in ("float32", "bfloat16", "float16"):
        settings = {"image_size": size, "dtype": dtype, "batch_size": batch_size}
        extractor = PretrainedFeatureExtractor(network, cache=None, **settings).fit(paths[:1])
        frozen = frozen_network(network, "imagenet", size, dtype=dtype)
        forward = frozen.forward_pass(["last"], "avg")
        folded = fold_batch_norm(frozen.features(["last"], "avg"))
        vectors = forward([pixels[:batch_size]])
        expected = vectors if expected is None else expected
        difference = np.abs(vectors - expected).max() / np.abs(expected).max()
        seconds = interleaved(
            {
                "network alone": lambda own=folded: own.predict_on_batch(batch),
                "from memory": lambda run=forward: run(batches_of(pixels, batch_size)),
                "from files": lambda own=extractor: own.transform(paths),
            },
            rounds,
        )
        rate = matmul_rate(dtype, n_matmul, rounds)
        print(
            f"{dtype}: {rate / 1e3:.3g} TFLOP/s in matrix products; features differ from those in "
            f"float32 by {difference:.0e} of the largest"
        )
        for way, own in seconds.items():
            n_images = len(batch) if way == "network alone" else len(paths)
            print_speeds(way, n_images, own, rate / OPERATIONS[name])


def main():
    options = parse(__doc__, n_images=3072, batch_size=256, rounds=3, n_matmul=8192)
    print_machine()
    print(f"{keras.backend.backend()} backend, GPUs: {', '.join(list_gpus()) or 'none'}")
    with tempfile.TemporaryDirectory() as folder:
        written = write_photographs(Path(folder), 64, SIDE, SIDE, drawn_at=SIDE)
        paths = [written[i % len(written)] for i in range(options.n_images)]
        for name in NETWORKS:
            measure(name, paths, options.batch_size, options.rounds, options.n_matmul)


if __name__ == "__main__":
    main()
