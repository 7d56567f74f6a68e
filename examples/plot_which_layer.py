"""
Which layer of the network?
===========================

The last layers of a ConvNet know the classes of ImageNet, earlier ones know textures and
edges, which images unlike those of ImageNet may need more. A grid search tells: the cache
makes a grid over layers cost one pass of the images, since one pass brings all taps.

Without arguments it grades synthetic fundus photographs. With ``--data`` it takes a folder in
the layout of EyePACS (``trainLabels.csv`` and ``images/``).
"""

import argparse

import pandas as pd
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline

from skdr import PretrainedFeatureExtractor, as_image_column, feature_cache_info, list_taps
from skdr.datasets import load_eyepacs, make_fundus_images
from skdr.preprocessing import DampedScaler


def search_layers(X, y, patients, image_size):
    """Return the grid search over single layers, and over the later ones together."""
    taps = list_taps("EfficientNetLite0")
    pipeline = Pipeline(
        [
            ("features", PretrainedFeatureExtractor(image_size=image_size)),
            ("scaler", DampedScaler()),
            ("model", LogisticRegression(C=0.02, class_weight="balanced", max_iter=1000)),
        ]
    )
    search = GridSearchCV(
        pipeline,
        {"features__layer": [*taps, taps[-4:]]},
        scoring="balanced_accuracy",
        cv=StratifiedGroupKFold(5, shuffle=True, random_state=0),
    )
    return search.fit(X, y, groups=patients)


def table(search):
    """Return mean and standard deviation over the folds, by layer."""
    results = search.cv_results_
    names = [
        layer if isinstance(layer, str) else f"last {len(layer)} together"
        for layer in results["param_features__layer"]
    ]
    columns = {"mean": results["mean_test_score"], "std": results["std_test_score"]}
    return pd.DataFrame(columns, index=pd.Index(names, name="layer"))


def plot(scores):
    figure, axis = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
    axis.errorbar(range(len(scores)), scores["mean"], scores["std"], fmt="o-", capsize=3)
    axis.axhline(0.2, color="grey", ls=":", lw=1)
    axis.set_xticks(range(len(scores)), scores.index, rotation=30, ha="right")
    axis.set_ylabel("balanced accuracy\n(mean, std of 5 folds)")
    axis.set_title("Logistic regression on frozen features", fontsize="medium")
    axis.grid(axis="y", alpha=0.3)
    return figure


def main(argv=None):
    parser = argparse.ArgumentParser(description="Which layer of the network?")
    parser.add_argument("--data", help="a folder in the layout of EyePACS")
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--output", default="which_layer.png")
    options = parser.parse_args(argv)
    if options.data is None:
        data = make_fundus_images(300, grade_shares=(1, 1, 1, 1, 1), random_state=0)
        images = as_image_column(data.images)
    else:
        data = load_eyepacs(options.data)
        images = data.data.reshape(-1, 1)
    search = search_layers(images, data.target, data.groups, options.image_size)
    scores = table(search)
    print(scores.round(3).to_string())
    print(f"\n{len(images)} images, {feature_cache_info().misses} passes through the network")
    plot(scores).savefig(options.output, dpi=150)


if __name__ == "__main__":
    main()
