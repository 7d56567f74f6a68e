"""Cost against the number of images: extraction, cached grid search and fitting.

Extraction and the network alone take turns in one process, fine-tuning runs in another. With
``--max-held 64`` decoded images go to a file beyond 64 MB, not 2 GB, and larger activations are not
stored.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from report import in_own_process, parse, print_machine

SIZES = [500, 1000, 2000, 5000, 10000, 20000]
JOBS = ["extraction", "cached grid search", "fine-tuning, one epoch"]


def peak_megabytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def write_images(folder, n_images, side):
    """Write small JPEG files, all different."""
    rng = np.random.default_rng(0)
    for i in range(n_images):
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        coarse.resize((side, side)).save(folder / f"{i:05d}.jpeg", quality=90)


def measured(name, call):
    """Return the seconds of a call, and the peak memory of the process after it."""
    start = time.perf_counter()
    call()
    return {name: time.perf_counter() - start, f"{name} MB": peak_megabytes()}


def measure_extraction(paths, y, size):
    """Time the network alone, extraction with it, and a grid on its features."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    from skdr import PretrainedFeatureExtractor
    from skdr.images import as_image_source, decode_all
    from skdr.runtime import frozen_network
    from skdr.runtime._forward import ForwardPass

    extractor = PretrainedFeatureExtractor(image_size=size)
    extractor.fit(paths[:32]).transform(paths[:32])  # builds and compiles
    forward = ForwardPass(frozen_network("EfficientNetLite0", "imagenet", (size, size)).network)
    batch = decode_all(as_image_source(paths[:32]), (size, size), 32)
    forward([batch])

    def alone():
        for _ in range(len(paths) // 32):
            forward([batch])

    steps = [("features", extractor), ("scaler", StandardScaler()), ("ridge", RidgeClassifier())]
    search = GridSearchCV(Pipeline(steps), {"ridge__alpha": [1e3, 1e4]}, cv=3)
    return {
        **measured("network alone", alone),
        **measured("extraction", lambda: extractor.transform(paths)),
        **measured("cached grid search", lambda: search.fit(paths, y)),
    }


def measure_tuning(paths, y, size):
    """Time a fit of a head and of one epoch of the last blocks."""
    from skdr import FineTunedCNNClassifier

    tune = FineTunedCNNClassifier(
        trainable=2, image_size=size, head_epochs=5, epochs=1, random_state=0
    )
    return measured("fine-tuning, one epoch", lambda: tune.fit(paths, y))


def measure(folder, job, n_images, size, max_held):
    """Run one of the jobs on some of the images; called in a process of its own."""
    from skdr.images import _batches
    from skdr.training import _trainer

    if max_held:
        _batches.MAX_IMAGE_BYTES = _trainer.MAX_ACTIVATION_BYTES = max_held * 2**20
    paths = [str(path) for path in sorted(Path(folder).iterdir())[:n_images]]
    y = np.arange(n_images) % 4
    job = {"extraction": measure_extraction, "tuning": measure_tuning}[job]
    print(json.dumps(job(paths, y, size)))


def plot(rows, path):
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for name in ("network alone", *JOBS):
        own = [row for row in rows if name in row]
        if own:
            n_images = [row["n"] for row in own]
            left.plot(n_images, [row[name] for row in own], "o-", label=name)
            right.plot(n_images, [row[f"{name} MB"] for row in own], "o-")
    left.set(yscale="log", ylabel="seconds")
    right.set(ylabel="peak memory, MB")
    right.set_ylim(0, 1.05 * right.get_ylim()[1])
    ticks = [row["n"] for row in rows]
    for axis in (left, right):
        axis.set_xscale("log")
        axis.set_xticks(ticks, [f"{n:,}" for n in ticks])
        axis.minorticks_off()
        axis.set_xlabel("images")
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    figure.savefig(path, dpi=150)


def print_slope(name, rows):
    """Print what an image costs, from the fewest to the most images."""
    own = [row for row in rows if name in row]
    if len(own) < 2:
        return
    first, last = own[0], own[-1]

    def slope(key):
        return (last[key] - first[key]) / (last["n"] - first["n"])

    print(
        f"{name}: {1000 * slope(name):.2f} ms an image, {slope(name) / slope('network alone'):.2f} "
        f"of the network alone; {1024 * slope(f'{name} MB'):.1f} KB of memory"
    )


def main():
    if sys.argv[1:2] == ["--measure"]:
        folder, job, *numbers = sys.argv[2:]
        measure(folder, job, *map(int, numbers))
        return
    options = parse(
        __doc__, largest=20000, largest_tuned=20000, size=64, max_held=0, output="scale.png"
    )
    print_machine()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder), options.largest, options.size + 32)
        for n_images in [n for n in SIZES if n <= options.largest]:
            numbers = (n_images, options.size, options.max_held)
            row = {"n": n_images}
            for job in ("extraction", "tuning"):
                if job == "extraction" or n_images <= options.largest_tuned:
                    row |= in_own_process(__file__, "--measure", folder, job, *numbers)
            print("  ".join(f"{key} {value:.1f}" for key, value in row.items()), flush=True)
            rows.append(row)
    for name in JOBS:
        print_slope(name, rows)
    plot(rows, options.output)


if __name__ == "__main__":
    main()
