"""What training and passes cost on a processor without each thing that makes them faster.

In turns with all of them, on random images: end to end, the last two blocks, a head on
features, features alone, and the start of a fit.
"""

from contextlib import ExitStack, nullcontext
from functools import partial, partialmethod
from unittest import mock

import keras
import numpy as np
from report import interleaved, parse, print_machine, print_ratios

from skdr import FineTunedCNNClassifier, ScratchCNNClassifier, accelerations, clear_networks
from skdr.images import batches_of
from skdr.networks import build_backbone
from skdr.runtime import _architecture, _frozen, _trainable
from skdr.runtime._forward import ForwardPass
from skdr.runtime._pool import NetworkPool
from skdr.training import _trainer

IN_STEPS = partialmethod(keras.Model.compile, steps_per_execution=32)
WITHOUT = {
    "1x1 convolutions as such": [(_architecture, "multiply_pointwise", lambda network: None)],
    "freed memory handed back": [(_trainer, "reuse_freed_memory", lambda hand_back: nullcontext())],
}
EACH_BATCH = [(_trainer, "batches_at_once", lambda shape, batch_size: 1)]
ON_FEATURES = {
    "each batch a call": EACH_BATCH,
    "... of Keras's steps_per_execution": [*EACH_BATCH, (keras.Model, "compile", IN_STEPS)],
}


def random_images(n, size):
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def stood_in(stand_ins, call):
    """Call a function where others stand in for some, by module and name."""
    with ExitStack() as stack:
        for module, name, stand_in in stand_ins:
            stack.enter_context(mock.patch.object(module, name, stand_in))
        call()


def fits(classifier, n_images, without=WITHOUT):
    """Return fits with everything, and without each thing; each reuses networks of its own."""
    images, labels = random_images(n_images, classifier.image_size), np.arange(n_images) % 4
    return {
        name: partial(
            stood_in,
            [
                *stand_ins,
                (_trainable, "NETWORKS", NetworkPool()),
                (_frozen, "NETWORKS", NetworkPool()),
            ],
            partial(classifier.fit, images, labels),
        )
        for name, stand_ins in {"all of them": [], **without}.items()
    }


def fits_from_the_start(classifier, n_images):
    """Return fits that find the networks of the fit before, that find none, and without all."""
    images, labels = random_images(n_images, classifier.image_size), np.arange(n_images) % 4

    def forgetful():
        clear_networks()
        classifier.fit(images, labels)

    def plain():
        with accelerations(False):
            classifier.fit(images, labels)

    return {
        "all of them": lambda: classifier.fit(images, labels),
        "no network kept": forgetful,
        "none of them": plain,
    }


def passes(network, images):
    """Return passes with everything, and without each thing."""
    batches = list(batches_of(images, 32))
    folded, unfolded = (ForwardPass(network, constant_weights=fixed) for fixed in (True, False))
    return {
        "all of them": partial(folded, batches),
        "BatchNorm not folded": partial(unfolded, batches),
    }


def main():
    options = parse(__doc__, backbone="EfficientNetLite0", size=224, train_size=128, rounds=5)
    print_machine()
    name = options.backbone
    common = {"image_size": options.train_size, "random_state": 0}
    end_to_end = ScratchCNNClassifier(name, epochs=4, **common)
    last_blocks = FineTunedCNNClassifier(
        name, weights=None, trainable=2, head_epochs=0, epochs=5, **common
    )
    head = FineTunedCNNClassifier(name, trainable="head", head_epochs=50, **common)
    network = build_backbone(name, None, (options.size, options.size))
    for title, alternatives in {
        f"end to end, 4 x 64 images of {options.train_size} pixels": fits(end_to_end, 64),
        f"the last two blocks, 5 x 320 images of {options.train_size}": fits(last_blocks, 320),
        "a head on features, 50 x 640 images": fits(head, 640, ON_FEATURES),
        f"features, 96 images of {options.size}": passes(network, random_images(96, options.size)),
        "a fit of 32 images, from its start": fits_from_the_start(last_blocks, 32),
    }.items():
        print(f"\n{name}, {title}:")
        print_ratios(interleaved(alternatives, options.rounds), "all of them")


if __name__ == "__main__":
    main()
