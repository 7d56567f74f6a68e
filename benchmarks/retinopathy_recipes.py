"""What helps on photographs of retinas: an ablation by patient-grouped cross-validation.

Every photograph of the folder is in one test fold, or with ``--draws 3`` as many of each grade
are drawn as in the founding experiment, three times. No patient is on both sides, and nothing is
tuned on the scores. Each grade's images count alike in the scores, and as they are in the last
three columns. Intervals are over patients.
"""

import itertools
import time
from pathlib import Path

import numpy as np
import pandas as pd
from report import parse, print_machine
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor, list_taps
from skdr.datasets import fellow_eyes, load_eyepacs
from skdr.metrics import (
    bootstrap_difference,
    bootstrap_interval,
    quadratic_weighted_kappa,
    referable_roc_auc,
)
from skdr.model_selection import OrdinalThresholdClassifier, balanced_train_test_split
from skdr.preprocessing import RetinaCrop

SHARED = Path(__file__).resolve().parents[2] / "shared"
XCEPTION = SHARED / "weights" / "xception_imagenet_notop.weights.h5"
MOBILENET = SHARED / "weights" / "mobilenet_1.0_imagenet_notop.weights.h5"
BOTH_EYES = ("photograph", "fellow")


def probe(
    backbone, size, *, weights="imagenet", taps=False, C=1e-3, preprocess=None, column="photograph"
):
    """Return a logistic regression on the features of a frozen network."""
    layers = [*list_taps(backbone), "last"] if taps else "last"
    extractor = PretrainedFeatureExtractor(
        backbone,
        weights=weights,
        layer=layers,
        image_size=size,
        preprocess=preprocess,
        image_column=column,
    )
    head = LogisticRegression(C=C, class_weight="balanced", max_iter=2000)
    return make_pipeline(extractor, StandardScaler(), head)


def vote(columns=("photograph",), **settings):
    """Return probes that vote: on photographs of each column, as they are and mirrored."""
    views = itertools.product(columns, {"as it is": None, "mirrored": np.fliplr}.items())
    return VotingClassifier(
        [
            (f"{column}, {view}", probe(**settings, preprocess=preprocess, column=column))
            for column, (view, preprocess) in views
        ],
        voting="soft",
    )


def recipes():
    """Return single models by name; the first is what others are compared with."""
    lite = {"backbone": "EfficientNetLite0"}
    large = {**lite, "size": 256, "taps": True, "C": 3e-4}
    xception = {"backbone": "Xception", "weights": XCEPTION, "size": 256}
    xception_taps = {**xception, "taps": True, "C": 1e-4}
    mobilenet = {"backbone": "MobileNet", "weights": MOBILENET, "taps": True, "C": 3e-4}
    fine_tuned = FineTunedCNNClassifier(
        image_size=256,
        class_weight="balanced",
        layer="last",
        trainable=2,
        layer_decay=0.8,
        learning_rate=3e-5,
        schedule="constant",
        epochs=6,
        image_column="photograph",
        random_state=0,
    )
    return {
        "Lite0, last layer, 224 px": probe(**lite, size=224),
        "Lite0, last layer, 256 px": probe(**lite, size=256),
        "Lite0, last layer, 384 px": probe(**lite, size=384),
        "Lite0, cropped to the retina": probe(**lite, size=224, preprocess=RetinaCrop(radius=112)),
        "Lite0, all taps": probe(**large),
        "Lite0, all taps, mirrored": vote(**large),
        "Lite0, both eyes": vote(BOTH_EYES, **large),
        "MobileNet, all taps": probe(**mobilenet, size=256),
        "Xception, last layer": probe(**xception),
        "Xception, all taps": probe(**xception_taps),
        "Xception, all taps, mirrored": vote(**xception_taps),
        "Xception, both eyes": vote(BOTH_EYES, **xception_taps),
        "Lite0, fine-tuned, 256 px": fine_tuned,
    }


LITE0_AND_XCEPTION = ["Lite0, all taps, mirrored", "Xception, all taps, mirrored"]
WITH_MOBILENET = [*LITE0_AND_XCEPTION, "MobileNet, all taps"]
ENSEMBLES = {
    "Lite0 and Xception": LITE0_AND_XCEPTION,
    "Lite0 and Xception, both eyes": ["Lite0, both eyes", "Xception, both eyes"],
    "with MobileNet": WITH_MOBILENET,
    "with MobileNet and fine-tuned": [*WITH_MOBILENET, "Lite0, fine-tuned, 256 px"],
}
# What the other eye adds is shown apart.
ONE_EYE = {
    "Lite0, both eyes": "Lite0, all taps, mirrored",
    "Xception, both eyes": "Xception, all taps, mirrored",
    "Lite0 and Xception, both eyes": "Lite0 and Xception",
}
CUT_FOR = ["balanced_accuracy", "quadratic_weighted_kappa"]
ORDINAL = ["Lite0, all taps", "Xception, all taps"]


def out_of_fold(model, X, y, splits, method):
    """Return what clones of a model say of the images of the test parts, one after another."""
    return np.concatenate(
        [
            getattr(clone(model).fit(X.iloc[train], y[train]), method)(X.iloc[test])
            for train, test in splits
        ]
    )


def by_patient(y, groups, options):
    """Return indices to train on and to test on: folds, or draws of the founding experiment."""
    everything = np.arange(len(y))
    if not options.draws:
        splitter = StratifiedGroupKFold(options.folds, shuffle=True, random_state=options.seed)
        return list(splitter.split(everything, y, groups))
    return [
        balanced_train_test_split(
            everything, y, train_per_class=50, test_per_class=30, groups=groups, random_state=seed
        )[:2]
        for seed in range(options.seed, options.seed + options.draws)
    ]


def report(name, y, groups, predicted, probabilities, baseline, seconds, one_eye=None):
    weights = 1 / np.bincount(y)[y]
    shown = [f"{name:32}"]
    for metric, values in (
        (balanced_accuracy_score, predicted),
        (quadratic_weighted_kappa, predicted),
        (referable_roc_auc, probabilities),
    ):
        shown.append(f"{metric(y, values, sample_weight=weights):.3f}")
    for metric, values in (
        (quadratic_weighted_kappa, predicted),
        (referable_roc_auc, probabilities),
    ):
        found = bootstrap_interval(metric, y, values, groups=groups, random_state=0)
        shown.append(f"{found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]")
    gain = bootstrap_difference(
        balanced_accuracy_score, y, predicted, baseline, groups=groups, random_state=0
    )
    shown.append(f"{gain.estimate:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]")
    print("  ".join(shown), f" {seconds:5.0f} s", flush=True)
    if one_eye is not None:
        report_gain(y, groups, probabilities, one_eye)


def report_gain(y, groups, both_eyes, one_eye):
    """Print what the other eye adds, with the grades as they are."""
    shown = []
    for name, metric, values in (
        ("balanced accuracy", balanced_accuracy_score, grades),
        ("kappa", quadratic_weighted_kappa, grades),
        ("AUC", referable_roc_auc, np.asarray),
    ):
        gain = bootstrap_difference(
            metric, y, values(both_eyes), values(one_eye), groups=groups, random_state=0
        )
        shown.append(f"{name} {gain.estimate:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]")
    print(f"{'':32}  above one eye: {', '.join(shown)}", flush=True)


def grades(probabilities):
    return probabilities.argmax(axis=1)


def main():
    options = parse(__doc__, folds=5, draws=0, seed=0, only="")
    print_machine()
    data = load_eyepacs(SHARED / "data" / "eyepacs256")
    fellows = data.data[fellow_eyes(data.groups, data.eye)]
    X, y = pd.DataFrame({"photograph": data.data, "fellow": fellows}), data.target
    splits = by_patient(y, data.groups, options)
    tested = np.concatenate([test for _, test in splits])
    y_tested, groups = y[tested], data.groups[tested]
    print(
        f"{len(y)} photographs of {len(set(data.groups))} patients, {len(splits)} splits, "
        f"{len(tested)} tested"
    )
    print(
        f"{'':32}  grades counted alike: balanced accuracy, kappa, AUC; as they are: kappa, AUC; "
        "balanced accuracy above the first"
    )
    said, baseline = {}, None
    for name, model in recipes().items():
        if not any(part in name for part in options.only.split(";")):
            continue
        start = time.perf_counter()
        said[name] = out_of_fold(model, X, y, splits, "predict_proba")
        predicted = grades(said[name])
        baseline = predicted if baseline is None else baseline
        seconds, one_eye = time.perf_counter() - start, said.get(ONE_EYE.get(name))
        report(name, y_tested, groups, predicted, said[name], baseline, seconds, one_eye)
        for what in CUT_FOR if name in ORDINAL else []:
            start = time.perf_counter()
            ordinal = OrdinalThresholdClassifier(model, scoring=what)
            cut = out_of_fold(ordinal, X, y, splits, "predict")
            seconds = time.perf_counter() - start
            report(f"  cut for {what}"[:32], y_tested, groups, cut, said[name], baseline, seconds)
    for name, members in ENSEMBLES.items():
        if all(member in said for member in members):
            said[name] = np.mean([said[member] for member in members], axis=0)
            predicted, one_eye = grades(said[name]), said.get(ONE_EYE.get(name))
            report(name, y_tested, groups, predicted, said[name], baseline, 0, one_eye)


if __name__ == "__main__":
    main()
