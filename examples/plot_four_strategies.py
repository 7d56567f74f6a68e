"""
Four ways to use a ConvNet, compared on the same folds
======================================================

A few hundred labelled images and a network pretrained on ImageNet leave four
ways open: a support vector machine on frozen features, a new head on the
frozen network (transfer), fine-tuning, and training a network end to end.
This script compares them by cross-validation. Both eyes of a patient are
always on the same side of a split, and the sampler that balances the grades
works inside the training folds only.

Without arguments it grades synthetic fundus photographs. With ``--data`` it
takes a folder of one sub-folder a class, or one in the layout of EyePACS
(``trainLabels.csv`` and ``images/``).
"""

import argparse
import time
from pathlib import Path

import numpy as np
from imblearn.under_sampling import RandomUnderSampler

from skdr import as_image_column
from skdr.datasets import load_eyepacs, load_image_folder, make_fundus_images
from skdr.model_selection import compare_strategies, make_strategies


def load(folder, n_per_class, seed):
    """Return images, labels and, where they are known, patients."""
    if folder is None:
        data = make_fundus_images(240, grade_shares=(1, 1, 1, 1, 1), random_state=seed)
        return as_image_column(data.images), data.target, data.groups
    is_graded = (Path(folder) / "trainLabels.csv").exists()
    data = (load_eyepacs if is_graded else load_image_folder)(folder)
    found = zip(*np.unique(data.target, return_counts=True), strict=True)
    counts = {label: min(n_per_class, n) for label, n in found}
    sampler = RandomUnderSampler(sampling_strategy=counts, random_state=seed)
    rows = np.arange(len(data.target)).reshape(-1, 1)
    chosen = sampler.fit_resample(rows, data.target)[0].ravel()
    groups = None if data.groups is None else data.groups[chosen]
    return data.data[chosen].reshape(-1, 1), data.target[chosen], groups


def main(argv=None):
    parser = argparse.ArgumentParser(description="Compare four ways to use a ConvNet.")
    parser.add_argument("--data", help="a folder of classes, or in the layout of EyePACS")
    parser.add_argument("--per-class", type=int, default=80, help="images of each class to use")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--image-size", type=int, help="default: what each network was made for")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", help="keep finished fits there, and go on from them")
    parser.add_argument("--output", default="four_strategies.png")
    parser.add_argument("--report", help="write a page of tables, plots and mistakes there")
    options = parser.parse_args(argv)

    start = time.perf_counter()
    images, labels, patients = load(options.data, options.per_class, options.seed)
    source = "synthetic fundus photographs" if options.data is None else Path(options.data).name
    title = f"{len(labels)} images"
    if patients is not None:
        title += f" of {len(set(patients))} patients"
    print(f"{title}, {source}; {options.folds} folds", flush=True)
    image_size = options.image_size or (128 if options.data is None else None)
    comparison = compare_strategies(
        images,
        labels,
        strategies=make_strategies(image_size=image_size, random_state=options.seed),
        groups=patients,
        cv=options.folds,
        sampler=RandomUnderSampler(random_state=options.seed),
        folder=options.folder,
        random_state=options.seed,
        verbose=1,
    )
    print(f"\nMeans with 95% intervals over {options.folds} folds:\n{comparison}")
    figure = comparison.plot().figure_
    figure.suptitle(f"{title}, {source}")
    figure.savefig(options.output, dpi=150)
    if options.report:
        comparison.to_html(options.report)
    print(f"\nPlot: {options.output}. Took {time.perf_counter() - start:.0f} s.")


if __name__ == "__main__":
    main()
