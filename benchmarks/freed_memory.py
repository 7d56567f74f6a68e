"""Training end to end with freed memory kept, against handing it back, in fresh processes.

What one process did with its memory stays with it, so each run is a process of its own.
"""

import os
import subprocess
import sys

import numpy as np
from report import parse, print_machine

WAYS = {"kept": {}, "handed back": {"MALLOC_MMAP_MAX_": "65536"}}
FIT = """
import resource, sys, time
import keras, numpy as np
from skdr import ScratchCNNClassifier

class Clock(keras.callbacks.Callback):
    steps = []  # of the class: a fit calls copies

    def on_train_batch_begin(self, batch, logs=None):
        self.steps.append(-time.perf_counter())

    def on_train_batch_end(self, batch, logs=None):
        self.steps[-1] += time.perf_counter()

size = int(sys.argv[2])
X = np.random.default_rng(0).integers(0, 256, (128, size, size, 3), dtype=np.uint8)
fit = ScratchCNNClassifier(sys.argv[1], image_size=size, epochs=3, callbacks=[Clock()]).fit
fit(X, np.arange(128) % 4)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(np.median(Clock.steps[1:]), peak)
"""


def step(environment, backbone, size):
    """Return the seconds of a step of 32 images, and the peak of memory in MB."""
    run = subprocess.run(
        [sys.executable, "-c", FIT, backbone, str(size)],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return [float(number) for number in run.stdout.split()]


def main():
    options = parse(__doc__, backbone="EfficientNetLite0", size=128, rounds=3)
    print_machine()
    rounds = [
        [step(environment, options.backbone, options.size) for environment in WAYS.values()]
        for _ in range(options.rounds)
    ]
    seconds, peaks = np.moveaxis(rounds, -1, 0)
    ratios = seconds[:, 1] / seconds[:, 0]
    for i, way in enumerate(WAYS):
        print(f"{way:>12}  {np.median(seconds[:, i]):.2f} s a step, {peaks[:, i].max():.0f} MB")
    print(f"{np.median(ratios):.2f} times as fast ({ratios.min():.2f} to {ratios.max():.2f})")


if __name__ == "__main__":
    main()
