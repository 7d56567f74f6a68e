"""Predictions of single images from several threads, as a server makes them.

One classifier, several of one configuration, and a pipeline on frozen features: the same calls in
turn and from 4 and 16 threads, in rounds that run every way once. Then the memory of the process.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from report import parse, print_machine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor

N_THREADS = (1, 4, 16)


def resident_megabytes():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def models(options, X, y):
    """Return the models that each way of serving predicts with, in turn."""
    common = {"image_size": options.size, "random_state": 0}
    tuned = [
        FineTunedCNNClassifier(trainable=2, head_epochs=2, epochs=1, **common).set_params(
            C=0.001 * (i + 1)
        )
        for i in range(options.n_classifiers)
    ]
    pipeline = make_pipeline(
        PretrainedFeatureExtractor(cache=None, image_size=options.size), LogisticRegression()
    )
    fitted = [model.fit(X, y) for model in (*tuned, pipeline)]
    return {
        "one classifier": fitted[:1],
        f"{options.n_classifiers} classifiers": fitted[:-1],
        "extractor and linear model": fitted[-1:],
    }


def serve(served, images, n_threads):
    """Predict single images, and return the seconds of all and of each call."""

    def answer(i):
        start = time.perf_counter()
        served[i % len(served)].predict_proba(images[i : i + 1])
        return time.perf_counter() - start

    start = time.perf_counter()
    with ThreadPoolExecutor(n_threads) as pool:
        calls = list(pool.map(answer, range(len(images))))
    return time.perf_counter() - start, calls


def main():
    options = parse(__doc__, size=224, n_calls=48, n_rounds=5, n_classifiers=3)
    print_machine()
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (24, options.size, options.size, 3), dtype=np.uint8)
    images = rng.integers(0, 256, (options.n_calls, *X.shape[1:]), dtype=np.uint8)
    for name, served in models(options, X, np.arange(24) % 3).items():
        serve(served, images, 1)
        found = {n: [] for n in N_THREADS}
        for _ in range(options.n_rounds):
            for n in N_THREADS:
                found[n].append(serve(served, images, n))
        in_turn = np.array([total for total, _ in found[1]])
        for n, rounds in found.items():
            totals = np.array([total for total, _ in rounds])
            slowest = [max(calls) for _, calls in rounds]
            ratios = in_turn / totals
            print(
                f"{name:>28}, {n:2} threads  {options.n_calls / np.median(totals):7.1f} images/s  "
                f"{np.median(ratios):5.2f}x ({ratios.min():.2f} to {ratios.max():.2f})  "
                f"slowest call {1000 * np.median(slowest):6.0f} ms  {resident_megabytes():6.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
