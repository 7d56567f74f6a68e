"""What a fit costs: from cached features, from stored activations, and when it is not the first."""

import time
from functools import partial

import keras
import numpy as np
from report import parse, print_machine

from skdr import FineTunedCNNClassifier, _training, clear_feature_cache
from skdr.networks import _frozen, _kept


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def per_epoch(make, few, many):
    """Return the seconds of one epoch: what many epochs cost more than few."""
    make(few)()  # builds and compiles
    times = [(seconds(make(few)), seconds(make(many))) for _ in range(2)]
    return float(np.median([b - a for a, b in times])) / (many - few)


def main():
    options = parse(__doc__, backbone="InceptionV3", size=0, n_images=32, block="mixed9")
    print_machine()
    rng = np.random.default_rng(0)
    size = options.size or None
    shape = (options.n_images, size or 299, size or 299, 3)
    X, y = rng.integers(0, 256, shape, dtype=np.uint8), np.arange(options.n_images) % 4
    common = {"weights": None, "image_size": size, "batch_size": 16, "random_state": 0}

    def fit(**kwargs):
        return FineTunedCNNClassifier(options.backbone, **common, **kwargs).fit(X, y)

    def head(n):
        return lambda: fit(trainable="head", head_epochs=100 * n)

    def block(n, **kwargs):
        settings = {"trainable": options.block, "head_epochs": 0, "learning_rate": 1e-4, **kwargs}
        return lambda: fit(epochs=n, **settings)

    print(f"{options.backbone}, {len(X)} images, batches of 16")
    stored = per_epoch(block, 1, 6)
    on_features = per_epoch(head, 1, 4) / 100
    limit, _training.MAX_ACTIVATION_BYTES = _training.MAX_ACTIVATION_BYTES, 0
    _kept._kept.clear()
    through = per_epoch(block, 1, 3)
    _training.MAX_ACTIVATION_BYTES = limit
    print(f"{'last block, through the frozen layers':>44}  {through:8.4f} s an epoch")
    print(f"{'last block, from stored activations':>44}  {stored:8.4f} s  {through / stored:.1f}x")
    print(f"{'head, on features':>44}  {on_features:8.4f} s  {through / on_features:.0f}x")

    augmented = per_epoch(partial(block, augmentation="fundus"), 1, 3)
    plain = per_epoch(partial(block, augmentation=keras.layers.Identity()), 1, 3)
    print(f"augmentation 'fundus': {1 - plain / augmented:.0%} of an epoch through all layers")

    clear_feature_cache()
    _kept._kept.clear()
    _frozen._kept.clear()
    few = {"trainable": options.block, "head_epochs": 0, "epochs": 1}
    X, y = X[:16], y[:16]
    first, second = seconds(lambda: fit(**few)), seconds(lambda: fit(**few))
    work = stored * 16 / shape[0]
    print(f"start of a fit: first {first - work:.2f} s, second {second - work:.2f} s, ", end="")
    print(f"{(first - work) / (second - work):.1f}x", flush=True)


if __name__ == "__main__":
    main()
