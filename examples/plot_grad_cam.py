"""
What a classifier looks at, and where it errs
=============================================

A score says how often a classifier is right, not why. This script fine-tunes a
network, and then looks inside: at how it learned, at the images that it got most
wrong, and at where in them it saw evidence (Grad-CAM). The same is drawn for a
linear model on frozen features, where the maps are exact.

Without arguments it grades synthetic fundus photographs. With ``--data`` it
takes a folder of one sub-folder a class, or one in the layout of EyePACS
(``trainLabels.csv`` and ``images/``).
"""

import argparse
from pathlib import Path

import numpy as np
from imblearn.under_sampling import RandomUnderSampler
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor, as_image_column
from skdr.datasets import load_eyepacs, load_image_folder, make_fundus_images
from skdr.inspection import GradCAMDisplay, LearningHistoryDisplay, MistakesDisplay
from skdr.preprocessing import DampedScaler

# An earlier layer than the last: small lesions want a fine map.
TAP = "block5"


def load(folder, n_per_class, seed):
    """Return images, labels, patients, and whether labels are grades."""
    if folder is None:
        data = make_fundus_images(160, grade_shares=(1, 1, 1, 1, 1), random_state=seed)
        return as_image_column(data.images), data.target, data.groups, True
    is_graded = (Path(folder) / "trainLabels.csv").exists()
    data = (load_eyepacs if is_graded else load_image_folder)(folder)
    images = data.data.reshape(-1, 1)
    groups = np.arange(len(images)) if data.groups is None else data.groups
    found = zip(*np.unique(data.target, return_counts=True), strict=True)
    counts = {label: min(n_per_class, n) for label, n in found}
    sampler = RandomUnderSampler(sampling_strategy=counts, random_state=seed)
    sampler.fit_resample(np.arange(len(images)).reshape(-1, 1), data.target)
    chosen = sampler.sample_indices_
    return images[chosen], data.target[chosen], groups[chosen], is_graded


def main(argv=None):
    parser = argparse.ArgumentParser(description="What a classifier looks at, and where it errs")
    parser.add_argument("--data", help="a folder of classes, or in the layout of EyePACS")
    parser.add_argument("--per-class", type=int, default=40, help="images of each class to use")
    parser.add_argument("--image-size", type=int, help="default: what the network was made for")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default=".", help="folder of the figures")
    options = parser.parse_args(argv)

    images, labels, groups, is_graded = load(options.data, options.per_class, options.seed)
    folds = StratifiedGroupKFold(4, shuffle=True, random_state=options.seed)
    train, test = next(folds.split(images, labels, groups))
    settings = {"image_size": options.image_size, "random_state": options.seed}

    classifier = FineTunedCNNClassifier(layer=TAP, early_stopping=True, **settings)
    classifier.fit(images[train], labels[train])
    print(f"fine-tuned: accuracy {classifier.score(images[test], labels[test]):.2f}")
    pipeline = make_pipeline(
        PretrainedFeatureExtractor(layer=TAP, **settings),
        DampedScaler(),
        LogisticRegression(C=0.02),
    ).fit(images[train], labels[train])
    print(f"frozen features: accuracy {pipeline.score(images[test], labels[test]):.2f}")

    # How the network learned: the head first, then all layers.
    history = LearningHistoryDisplay.from_estimator(classifier)

    # The worst mistakes on patients that it has not seen.
    mistakes = MistakesDisplay.from_estimator(
        classifier, images[test], labels[test], graded=is_graded, n_images=8
    )

    # What spoke for the class that was predicted, and what for the true one.
    worst = images[test][mistakes.indices[:3]]
    predicted = GradCAMDisplay.from_estimator(classifier, worst)
    true = GradCAMDisplay.from_estimator(classifier, worst, target=mistakes.y_true[:3])

    # The same images, on frozen features.
    frozen = GradCAMDisplay.from_estimator(pipeline, worst, target=mistakes.y_true[:3])

    folder = Path(options.output)
    for name, display in {
        "learning_history": history,
        "worst_mistakes": mistakes,
        "grad_cam_predicted": predicted,
        "grad_cam_true": true,
        "grad_cam_frozen": frozen,
    }.items():
        display.figure_.savefig(folder / f"{name}.png", dpi=150)
        print(f"Plot: {folder / name}.png")


if __name__ == "__main__":
    main()
