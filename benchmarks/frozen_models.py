"""Classical models on frozen features against each other, on many image sets.

Each line of the table is one fit: of one model, on the training images of one split of one set.
"""

import time
import warnings

import numpy as np
from many_sets import N_FOLDS, Table, load_set, scores_of, set_names, split
from report import parse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, RidgeClassifierCV
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC

from skdr import PretrainedFeatureExtractor
from skdr._stratified import stratified_folds
from skdr.preprocessing import DampedScaler

ALPHAS, CS = np.logspace(1, 6, 11), (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1)
INNER_FOLDS = 5
DEFAULT = "logistic, damped, all taps, C=0.02"


def svm(C):
    return SVC(kernel="linear", C=C)


def logistic(C):
    return LogisticRegression(C=C, max_iter=1000)


# By name: which features, the scaler, and the model.
MODELS = {
    "svm, standardised, last layer, C=.001": ("last", StandardScaler, svm(0.001)),
    "svm, standardised, last layer, C=.01": ("last", StandardScaler, svm(0.01)),
    "svm, damped, last layer, C=.003": ("last", DampedScaler, svm(0.003)),
    "logistic, damped, last layer, C=0.02": ("last", DampedScaler, logistic(0.02)),
    "svm, standardised, all taps, C=.001": ("all", StandardScaler, svm(0.001)),
    "svm, unit length, all taps, C=30": ("all", Normalizer, svm(30)),
    **{
        f"svm, damped, all taps, C={C:g}": ("all", DampedScaler, svm(C))
        for C in (0.001, 0.003, 0.01)
    },
    **{
        f"logistic, damped, all taps, C={C:g}": ("all", DampedScaler, logistic(C))
        for C in (0.005, 0.01, 0.02, 0.03, 0.1, 0.3)
    },
    "ridge, damped, all taps, by GCV": ("all", DampedScaler, RidgeClassifierCV(alphas=ALPHAS)),
    "logistic, damped, all taps, C by inner folds": ("all", DampedScaler, None),
}


def inner_folds(y, groups):
    n_folds = max(2, min(INNER_FOLDS, np.bincount(y)[np.unique(y)].min()))
    return list(stratified_folds(n_folds, groups, random_state=0).split(y, y, groups))


def chosen_logistic(y, groups):
    """Return a logistic regression whose C has the lowest log-loss in inner folds."""
    warnings.simplefilter("ignore", FutureWarning)  # of what scikit-learn 1.10 changes
    return LogisticRegressionCV(
        Cs=CS, cv=inner_folds(y, groups), scoring="neg_log_loss", max_iter=1000
    )


def fit_and_score(name, features, y, groups, train, test):
    layer, scaler, model = MODELS[name]
    start = time.perf_counter()
    if model is None:
        model = chosen_logistic(y[train], None if groups is None else groups[train])
    model = make_pipeline(scaler(), clone(model)).fit(features[layer][train], y[train])
    seconds = time.perf_counter() - start
    if hasattr(model, "predict_proba"):
        return *scores_of(y[test], model.predict_proba(features[layer][test])), seconds
    return balanced_accuracy_score(y[test], model.predict(features[layer][test])), np.nan, seconds


def main():
    args = parse(
        __doc__,
        table="tables/frozen_models.csv",
        backbone="EfficientNetLite0",
        weights="imagenet",
        sizes="60,150,400,1900",
        image_size=128,
    )
    table = Table(args.table)
    for name in set_names():
        X, y, groups = load_set(name)
        extractor = PretrainedFeatureExtractor(
            args.backbone, weights=args.weights, image_size=args.image_size
        )
        features = {k: extractor.set_params(layer=k).fit_transform(X) for k in ("last", "all")}
        for n_images in map(int, args.sizes.split(",")):
            if n_images > max(len(y), 400):
                continue
            for fold in range(N_FOLDS):
                rows = split(y, groups, n_images, fold)
                for model in MODELS:
                    key = (name, n_images, fold, model)
                    if key not in table:
                        table.add(key, fit_and_score(model, features, y, groups, *rows))
    table.print_against(DEFAULT)


if __name__ == "__main__":
    main()
