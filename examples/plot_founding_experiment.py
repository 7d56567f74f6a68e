"""
The founding experiment: end to end, transfer, fine-tuning
==========================================================

A few hundred photographs of retinas, as many of each grade; some for
training, others for a test. Three networks were compared on them: one
trained end to end, a new classifier on a frozen pretrained network, and the
same after fine-tuning. They scored 40%, 48% and 52%. This script repeats
that protocol over several draws of the split, no patient ever on both sides,
and puts a recipe beside it that needs one pass of each image through the
frozen network: features of several layers, a logistic regression, and
cut points between the grades.

Without arguments it takes synthetic photographs and few epochs. The
protocol itself is::

    python plot_founding_experiment.py --data DIR --backbone InceptionV3 \\
        --train-per-class 150 --test-per-class 40 --image-size 299 \\
        --scratch-epochs 100 --transfer-epochs 30 --fine-tune-epochs 70
"""

import argparse
import time

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline

from skdr import (
    FineTunedCNNClassifier,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
    as_image_column,
    list_taps,
)
from skdr.datasets import load_eyepacs, make_fundus_images
from skdr.metrics import bootstrap_interval, quadratic_weighted_kappa
from skdr.model_selection import OrdinalThresholdClassifier, balanced_train_test_split
from skdr.preprocessing import DampedScaler

METRICS = {
    "balanced accuracy": balanced_accuracy_score,
    "quadratic kappa": quadratic_weighted_kappa,
}


def strategies(options, seed):
    """Return the three networks of the protocol, and the recipes on frozen features."""
    common = {"image_size": options.image_size, "random_state": seed}
    pretrained = {"backbone": options.backbone, "weights": options.weights, **common}
    head = {
        "layer": "last",
        "head_epochs": options.transfer_epochs,
        "head_learning_rate": options.transfer_rate,
    }
    layers = [*list_taps(options.backbone)[-4:], "last"]
    probe = make_pipeline(
        PretrainedFeatureExtractor(layer=layers, **pretrained),
        DampedScaler(),
        LogisticRegression(C=0.02, max_iter=1000),
    )
    return {
        "end to end": ScratchCNNClassifier(
            options.backbone,
            epochs=options.scratch_epochs,
            learning_rate=options.scratch_rate,
            **common,
        ),
        "transfer": FineTunedCNNClassifier(trainable="head", **head, **pretrained),
        "fine-tuned": FineTunedCNNClassifier(
            trainable="all",
            epochs=options.fine_tune_epochs,
            learning_rate=options.fine_tune_rate,
            schedule="constant",
            **head,
            **pretrained,
        ),
        "recipe": probe,
        "recipe, ordinal": OrdinalThresholdClassifier(probe),
    }


def run(images, grades, patients, options):
    """Return one row a test image and strategy, over all draws of the split."""
    rows = []
    for seed in range(options.seeds):
        split = balanced_train_test_split(
            images,
            grades,
            patients,
            train_per_class=options.train_per_class,
            test_per_class=options.test_per_class,
            groups=patients,
            random_state=seed,
        )
        X_train, X_test, y_train, y_test, _, test_patients = split
        for name, strategy in strategies(options, seed).items():
            if name in options.skip:
                continue
            start = time.perf_counter()
            predicted = strategy.fit(X_train, y_train).predict(X_test)
            took = time.perf_counter() - start
            score = balanced_accuracy_score(y_test, predicted)
            print(f"draw {seed}  {name:>16}  {score:.2f}  {took:6.1f} s", flush=True)
            part = {"strategy": name, "draw": seed, "true": y_test, "predicted": predicted}
            rows.append(pd.DataFrame({**part, "patient": test_patients, "seconds": took}))
    return pd.concat(rows)


def summarise(results):
    """Return, for each strategy, the metrics over all draws with intervals over patients."""
    table = {}
    for name, part in results.groupby("strategy", sort=False):
        row = {}
        for metric, function in METRICS.items():
            found = bootstrap_interval(
                function, part["true"], part["predicted"], groups=part["patient"], random_state=0
            )
            row[metric] = f"{found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}]"
        table[name] = {**row, "fit [s]": f"{part['seconds'].mean():.1f}"}
    return pd.DataFrame.from_dict(table, orient="index")


def plot(results, title):
    """Show the balanced accuracy of each draw as a dot, and their mean as a bar."""
    names = list(dict.fromkeys(results["strategy"]))
    figure, axis = plt.subplots(figsize=(6.5, 0.5 * len(names) + 1.3), layout="constrained")
    for row, name in enumerate(names):
        draws = results[results["strategy"] == name].groupby("draw")
        scores = [balanced_accuracy_score(d["true"], d["predicted"]) for _, d in draws]
        axis.plot(scores, [row] * len(scores), "o", color=f"C{row}", alpha=0.6)
        axis.plot(np.mean(scores), row, "|", color=f"C{row}", ms=22, mew=3)
    axis.axvline(0.2, color="grey", ls=":", lw=1)
    axis.text(0.2, -0.45, " chance", color="grey", va="center", fontsize="small")
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.7)
    axis.set_xlabel("balanced accuracy on other patients")
    axis.grid(axis="x", alpha=0.3)
    axis.set_title(title, fontsize="small")
    return figure


def main(argv=None):
    parser = argparse.ArgumentParser(description="The founding experiment, again.")
    parser.add_argument("--data", help="a folder in the layout of EyePACS")
    parser.add_argument("--backbone", default="EfficientNetLite0")
    parser.add_argument("--weights", default="imagenet", help="'imagenet' or a file")
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--train-per-class", type=int, default=20)
    parser.add_argument("--test-per-class", type=int, default=8)
    parser.add_argument("--scratch-epochs", type=int, default=5)
    parser.add_argument("--scratch-rate", type=float, default=1e-4)
    parser.add_argument("--transfer-epochs", type=int, default=30)
    parser.add_argument("--transfer-rate", type=float, default=1e-4)
    parser.add_argument("--fine-tune-epochs", type=int, default=3)
    parser.add_argument("--fine-tune-rate", type=float, default=2e-6)
    parser.add_argument("--skip", nargs="*", default=[], help="names of strategies")
    parser.add_argument("--seeds", type=int, default=3, help="draws of the split")
    parser.add_argument("--output", default="founding_experiment.png")
    options = parser.parse_args(argv)

    start = time.perf_counter()
    if options.data is None:
        data = make_fundus_images(260, grade_shares=(1, 1, 1, 1, 1), random_state=0)
        images, source = as_image_column(data.images), "synthetic photographs"
    else:
        data = load_eyepacs(options.data)
        images, source = data.data.reshape(-1, 1), "photographs"
    results = run(images, data.target, data.groups, options)
    title = (
        f"{options.backbone}, {source}: {options.train_per_class} a grade to train on, "
        f"{options.test_per_class} to test, draws: {options.seeds}"
    )
    print(f"\n{title}; 95% intervals over patients:\n{summarise(results).to_string()}")
    plot(results, title).savefig(options.output, dpi=150)
    print(f"\nPlot: {options.output}. Took {time.perf_counter() - start:.0f} s.")


if __name__ == "__main__":
    main()
