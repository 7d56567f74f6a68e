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
import pandas as pd
from imblearn.pipeline import Pipeline
from imblearn.under_sampling import RandomUnderSampler
from matplotlib import pyplot as plt
from sklearn.model_selection import StratifiedGroupKFold, cross_validate

from skdr import as_image_column
from skdr.datasets import load_eyepacs, load_image_folder, make_fundus_images
from skdr.metrics import quadratic_weighted_kappa_scorer, referable_roc_auc_scorer
from skdr.model_selection import make_strategies

GRADING = {
    "balanced accuracy": "balanced_accuracy",
    "quadratic kappa": quadratic_weighted_kappa_scorer,
    "referable AUC": referable_roc_auc_scorer,
}
ACCURACY = {"accuracy": "accuracy", "balanced accuracy": "balanced_accuracy"}


def load(folder, n_per_class, seed):
    """Return images, labels, patients and the metrics that suit them."""
    if folder is None:
        data = make_fundus_images(240, grade_shares=(1, 1, 1, 1, 1), random_state=seed)
        return as_image_column(data.images), data.target, data.groups, GRADING
    is_graded = (Path(folder) / "trainLabels.csv").exists()
    data = (load_eyepacs if is_graded else load_image_folder)(folder)
    images = data.data.reshape(-1, 1)
    groups = np.arange(len(images)) if data.groups is None else data.groups
    rows = np.arange(len(images)).reshape(-1, 1)
    found = zip(*np.unique(data.target, return_counts=True), strict=True)
    counts = {label: min(n_per_class, n) for label, n in found}
    sampler = RandomUnderSampler(sampling_strategy=counts, random_state=seed)
    chosen = sampler.fit_resample(rows, data.target)[0].ravel()
    return images[chosen], data.target[chosen], groups[chosen], GRADING if is_graded else ACCURACY


def compare(images, labels, groups, scoring, n_folds, image_size, seed):
    """Cross-validate the strategies one after another; return one row a fit."""
    folds = list(
        StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed).split(images, labels, groups)
    )
    rows = []
    for name, strategy in make_strategies(image_size=image_size, random_state=seed).items():
        pipeline = Pipeline(
            [("sampler", RandomUnderSampler(random_state=seed)), ("strategy", strategy)]
        )
        for i, fold in enumerate(folds, start=1):
            scores = cross_validate(pipeline, images, labels, cv=[fold], scoring=scoring)
            row = {metric: scores[f"test_{metric}"][0] for metric in scoring}
            row |= {"strategy": name, "fit [s]": scores["fit_time"][0]}
            rows.append(row)
            shown = "  ".join(f"{metric} {row[metric]:.2f}" for metric in scoring)
            print(
                f"{name:>10}  fold {i} of {n_folds}  {row['fit [s]']:5.1f} s  {shown}", flush=True
            )
    return pd.DataFrame(rows)


def summarise(results, scoring):
    """Return a table of means with their standard errors over the folds."""
    by_strategy = results.groupby("strategy", sort=False)
    mean, error = by_strategy.mean(), by_strategy.sem()
    table = pd.DataFrame(
        {
            metric: [f"{m:.2f} ± {e:.2f}" for m, e in zip(mean[metric], error[metric], strict=True)]
            for metric in scoring
        },
        index=mean.index,
    )
    return table.assign(**{"fit [s]": mean["fit [s]"].round(1)})


def plot(results, scoring, title):
    """Show the score of each fold as a dot and their mean as a bar."""
    names = list(dict.fromkeys(results["strategy"]))
    figure, axes = plt.subplots(
        1, len(scoring), figsize=(3.6 * len(scoring), 2.9), sharey=True, layout="constrained"
    )
    for axis, metric in zip(axes, scoring, strict=True):
        for position, name in enumerate(names):
            scores = results.loc[results["strategy"] == name, metric]
            axis.plot(scores, [position] * len(scores), "o", color=f"C{position}", alpha=0.5)
            axis.plot(scores.mean(), position, "|", color=f"C{position}", ms=22, mew=3)
        axis.set_xlabel(metric)
        axis.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    figure.suptitle(title)
    return figure


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--data", help="a folder of classes, or in the layout of EyePACS")
    parser.add_argument("--per-class", type=int, default=80, help="images of each class to use")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--image-size", type=int, help="default: what each network was made for")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="four_strategies.png")
    options = parser.parse_args(argv)

    start = time.perf_counter()
    images, labels, groups, scoring = load(options.data, options.per_class, options.seed)
    source = "synthetic fundus photographs" if options.data is None else Path(options.data).name
    title = f"{len(labels)} images of {len(set(groups))} patients, {source}"
    if options.data is not None and len(set(groups)) == len(labels):
        title = f"{len(labels)} images, {source}"
    print(f"{title}; {options.folds} folds")
    image_size = 128 if options.data is None else options.image_size
    results = compare(
        images,
        labels,
        groups,
        scoring,
        options.folds,
        options.image_size or image_size,
        options.seed,
    )
    print(f"\nMean and standard error over {options.folds} folds:")
    print(summarise(results, scoring).to_string())
    plot(results, scoring, title).savefig(options.output, dpi=150)
    print(f"\nPlot: {options.output}. Took {time.perf_counter() - start:.0f} s.")


if __name__ == "__main__":
    main()
