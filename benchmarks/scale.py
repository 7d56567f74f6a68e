"""Cost against the number of images: extraction, cached grid search and fitting."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from report import parse, print_machine

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


def measure(folder, n_images, size, largest_tuned):
    """Run each job on some of the images; called in a process of its own."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor
    from skdr.images import as_image_source, decode_all
    from skdr.networks import ForwardPass, frozen_network

    paths = [str(path) for path in sorted(Path(folder).iterdir())[:n_images]]
    y = np.arange(n_images) % 4
    extractor = PretrainedFeatureExtractor(image_size=size)
    extractor.fit(paths[:32]).transform(paths[:32])  # builds and compiles
    result = {"n": n_images}

    def clock(name, call):
        start = time.perf_counter()
        call()
        result[name] = time.perf_counter() - start
        result[f"{name} MB"] = peak_megabytes()

    network = frozen_network("EfficientNetLite0", "imagenet", (size, size)).network
    forward = ForwardPass(network)
    batch = decode_all(as_image_source(paths[:32]), (size, size), 32)
    forward([batch])
    clock("network alone", lambda: [forward([batch]) for _ in range(n_images // 32)])
    clock("extraction", lambda: extractor.transform(paths))
    steps = [("features", extractor), ("scaler", StandardScaler()), ("ridge", RidgeClassifier())]
    search = GridSearchCV(Pipeline(steps), {"ridge__alpha": [1e3, 1e4]}, cv=3)
    clock("cached grid search", lambda: search.fit(paths, y))
    tune = FineTunedCNNClassifier(image_size=size, head_epochs=5, epochs=1, random_state=0)
    if n_images <= largest_tuned:
        clock("fine-tuning, one epoch", lambda: tune.fit(paths, y))
    print(json.dumps(result))


def plot(rows, path):
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for name in ("network alone", *JOBS):
        measured = [row for row in rows if name in row]
        n_images = [row["n"] for row in measured]
        left.loglog(n_images, [row[name] for row in measured], "o-", label=name)
        right.semilogx(n_images, [row[f"{name} MB"] for row in measured], "o-", label=name)
    left.set(xlabel="images", ylabel="seconds")
    right.set(xlabel="images", ylabel="peak memory, MB", ylim=(0, None))
    left.legend()
    figure.savefig(path, dpi=150)


def main():
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], *map(int, sys.argv[3:]))
        return
    options = parse(__doc__, largest=20000, largest_tuned=20000, size=64, output="scale.png")
    print_machine()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder), options.largest, options.size + 32)
        for n_images in [n for n in SIZES if n <= options.largest]:
            arguments = map(str, (folder, n_images, options.size, options.largest_tuned))
            command = [sys.executable, __file__, "--measure", *arguments]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            shown = "  ".join(f"{key} {value:.1f}" for key, value in rows[-1].items())
            print(shown, flush=True)
    for name in JOBS:
        measured = [row for row in rows if name in row]
        first, last = measured[0], measured[-1]
        slope = (last[name] - first[name]) / (last["n"] - first["n"])
        alone = (last["network alone"] - first["network alone"]) / (last["n"] - first["n"])
        print(f"{name}: {1000 * slope:.2f} ms an image, {slope / alone:.2f} of the network alone")
    plot(rows, options.output)


if __name__ == "__main__":
    main()
