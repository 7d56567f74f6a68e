"""What training and passes cost on a processor without each thing that makes them faster.

In turns with all of them, on random images: end to end, the last two blocks, and features.
"""

from collections import OrderedDict
from contextlib import ExitStack
from functools import partial
from unittest import mock

import numpy as np
from report import interleaved, parse, print_machine, print_ratios

from skdr import FineTunedCNNClassifier, ScratchCNNClassifier
from skdr.images import batches_of
from skdr.networks import build_backbone
from skdr.runtime import _architecture, _pool
from skdr.runtime._forward import ForwardPass
from skdr.training import _phases

WITHOUT = {
    "Adam in a dozen operations": [
        (_phases, "fused_update_step", lambda optimizer: optimizer.update_step)
    ],
    "1x1 convolutions as such": [(_architecture, "multiply_pointwise", lambda network: None)],
}


def random_images(n, size):
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def stood_in(stand_ins, call):
    """Call a function where others stand in for some, by module and name."""
    with ExitStack() as stack:
        for module, name, stand_in in stand_ins:
            stack.enter_context(mock.patch.object(module, name, stand_in))
        call()


def fits(classifier, n_images):
    """Return fits with everything, and without each thing; each reuses networks of its own."""
    images, labels = random_images(n_images, classifier.image_size), np.arange(n_images) % 4
    return {
        name: partial(
            stood_in,
            [*stand_ins, (_pool, "_kept", OrderedDict())],
            partial(classifier.fit, images, labels),
        )
        for name, stand_ins in {"all of them": [], **WITHOUT}.items()
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
    network = build_backbone(name, None, (options.size, options.size))
    for title, alternatives in {
        f"end to end, 4 x 64 images of {options.train_size} pixels": fits(end_to_end, 64),
        f"the last two blocks, 5 x 320 images of {options.train_size}": fits(last_blocks, 320),
        f"features, 96 images of {options.size}": passes(network, random_images(96, options.size)),
    }.items():
        print(f"\n{name}, {title}:")
        print_ratios(interleaved(alternatives, options.rounds), "all of them")


if __name__ == "__main__":
    main()
