"""What a fit costs: from cached features, from stored activations, and when it is not the first."""

import time

import keras
import numpy as np
from report import parse, print_machine

from skdr import FineTunedCNNClassifier, clear_feature_cache, clear_networks
from skdr.training import _trainer

BATCH_SIZE = 32


class Images:
    """Random images in four classes, and fits of a network to some of them."""

    def __init__(self, backbone, n_images, size):
        self.backbone, self.size = backbone, size
        rng = np.random.default_rng(0)
        self.X = rng.integers(0, 256, (n_images, size, size, 3), dtype=np.uint8)
        self.y = np.arange(n_images) % 4

    def seconds_of_fit(self, n_images, **settings):
        common = {"weights": None, "image_size": self.size, "batch_size": BATCH_SIZE}
        settings = {"head_epochs": 0, "learning_rate": 1e-4, **common, **settings}
        classifier = FineTunedCNNClassifier(self.backbone, random_state=0, **settings)
        start = time.perf_counter()
        classifier.fit(self.X[:n_images], self.y[:n_images])
        return time.perf_counter() - start

    def milliseconds(self, n_images, few, many, epochs="epochs", **settings):
        """Return what one image costs in an epoch: what many epochs cost more than few."""
        self.seconds_of_fit(n_images, **settings, **{epochs: few})  # builds and compiles
        more = [
            self.seconds_of_fit(n_images, **settings, **{epochs: many})
            - self.seconds_of_fit(n_images, **settings, **{epochs: few})
            for _ in range(3)
        ]
        return 1000 * float(np.median(more)) / (many - few) / n_images

    def seconds_before_training(self, **settings):
        """Return what a fit costs before its first step, the first time and the second.

        An epoch and the pass through the frozen layers, which cost the same for each image,
        are taken off: they are what a fit of twice as many images costs more.
        """
        clear_feature_cache()
        clear_networks()
        n_few = BATCH_SIZE
        first = self.seconds_of_fit(n_few, epochs=1, **settings)
        few, many = (
            np.median([self.seconds_of_fit(n, epochs=1, **settings) for _ in range(3)])
            for n in (n_few, 2 * n_few)
        )
        return first - (many - few), few - (many - few)


def main():
    options = parse(__doc__, backbone="InceptionV3", size=299, n_images=64, block="mixed9")
    print_machine()
    n, n_features = options.n_images, 8 * options.n_images
    images = Images(options.backbone, n_features, options.size)
    print(f"{options.backbone}, batches of {BATCH_SIZE}, an image in an epoch:")
    on_features = images.milliseconds(n_features, 10, 110, epochs="head_epochs", trainable="head")
    last_block = {"trainable": options.block}
    stored = images.milliseconds(n, 1, 6, **last_block)
    limit, _trainer.MAX_ACTIVATION_BYTES = _trainer.MAX_ACTIVATION_BYTES, 0
    clear_networks()
    through = images.milliseconds(n, 1, 2, **last_block)
    _trainer.MAX_ACTIVATION_BYTES = limit
    everything = images.milliseconds(n, 1, 2, trainable="all")
    for name, milliseconds, against in [
        ("all layers", everything, everything),
        ("the last block, through the frozen ones", through, through),
        ("the last block, from stored activations", stored, through),
        ("the head, on features", on_features, everything),
    ]:
        print(f"{name:>42}  {milliseconds:9.3f} ms  {against / milliseconds:.1f}x")

    plain = images.milliseconds(n, 1, 2, augmentation=keras.layers.Identity(), **last_block)
    for preset in ("fundus", "natural"):
        augmented = images.milliseconds(n, 1, 2, augmentation=preset, **last_block)
        share = 1 - plain / augmented
        print(f"augmentation {preset!r}: {share:.0%} of a step through all layers")

    for trainable in (options.block, "all"):
        first, second = images.seconds_before_training(trainable=trainable)
        print(
            f"start of a fit of {trainable!r}: first {first:.1f} s, second {second:.1f} s, ", end=""
        )
        print(f"{first / second:.1f}x", flush=True)


if __name__ == "__main__":
    main()
