"""Resident memory of a process that fits five configurations again and again.

One after the other, as a grid search does, or with ``--order rotating`` in turns, which
are more configurations than are kept, so that each fit builds its network anew.
"""

import numpy as np
from report import parse, print_machine

from skdr import FineTunedCNNClassifier, ScratchCNNClassifier


def resident_megabytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def main():
    options = parse(
        __doc__, backbone="EfficientNetLite0", size=128, n_images=48, n_fits=60, order="grid"
    )
    print_machine()
    rng = np.random.default_rng(0)
    shape = (options.n_images, options.size, options.size, 3)
    y = np.arange(options.n_images) % 4
    common = {"image_size": options.size, "epochs": 1, "random_state": 0}
    tuned = {**common, "backbone": options.backbone, "head_epochs": 5}
    configurations = [
        FineTunedCNNClassifier(**tuned, trainable=2),
        FineTunedCNNClassifier(**tuned, trainable="all"),
        FineTunedCNNClassifier(**tuned, trainable=2, hidden_layer_sizes=(16,)),
        FineTunedCNNClassifier(**tuned, trainable=2, augmentation="fundus"),
        ScratchCNNClassifier(**common),
    ]
    memory = []
    for i in range(options.n_fits):
        X = rng.integers(0, 256, shape, dtype=np.uint8)
        turn = i if options.order == "rotating" else i * len(configurations) // options.n_fits
        configurations[turn % len(configurations)].fit(X, y).predict(X)
        memory.append(resident_megabytes())
        if i % 5 == 4:
            print(f"after fit {i + 1:3}: {memory[-1]:6.0f} MB", flush=True)
    print(f"{memory[-1] / memory[4]:.2f} times that after fit 5")


if __name__ == "__main__":
    main()
