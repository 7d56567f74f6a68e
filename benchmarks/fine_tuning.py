"""Settings of fine-tuning against each other, on many image sets.

Each line of the table is one fit: of one setting, on the training images of one split of one set.
"""

import time

from many_sets import Table, load_set, scores_of, set_names, split
from report import parse

from skdr import FineTunedCNNClassifier, ScratchCNNClassifier

TRANSFER = "transfer"
DEEP = {"epochs": 20}
# By name: the parameters that differ from the defaults of today.
SETTINGS = {
    TRANSFER: {"trainable": "head"},
    "transfer, last layer": {"trainable": "head", "layer": "last"},
    "last two blocks, 3e-5, 6 epochs": {
        "trainable": 2,
        "learning_rate": 3e-5,
        "epochs": 6,
        "layer": "last",
        "schedule": "constant",
    },
    "default": {},
    "20 epochs": DEEP,
    "20 epochs, last layer": {**DEEP, "layer": "last"},
    "20 epochs, 1e-4": {**DEEP, "learning_rate": 1e-4},
    "20 epochs, constant rate": {**DEEP, "schedule": "constant"},
    "20 epochs, layer_decay=.8": {**DEEP, "layer_decay": 0.8},
    "20 epochs, head from zero": {**DEEP, "head_epochs": 0, "C": 0.02},
    "8 epochs, 1e-3": {"epochs": 8, "learning_rate": 1e-3},
    "7 epochs": {"epochs": 7},
    "30 epochs": {"epochs": 30},
    "scratch": None,
}


def make(setting, image_size):
    common = {"image_size": image_size, "random_state": 0}
    if SETTINGS[setting] is None:
        return ScratchCNNClassifier(**common)
    return FineTunedCNNClassifier(**common, **SETTINGS[setting])


def fit_and_score(classifier, X, y, train, test):
    start = time.perf_counter()
    classifier.fit(X[train], y[train])
    seconds = time.perf_counter() - start
    return *scores_of(y[test], classifier.predict_proba(X[test])), seconds


def main():
    args = parse(
        __doc__,
        table="tables/fine_tuning.csv",
        n_images=150,
        folds="0",
        settings="transfer,default",
        sets=None,
        image_size=96,
    )
    table = Table(args.table)
    for fold in map(int, args.folds.split(",")):
        for name in args.sets.split(",") if args.sets else set_names():
            X, y, groups = load_set(name)
            rows = split(y, groups, args.n_images, fold)
            for setting in args.settings.split(","):
                key = (name, args.n_images, fold, setting)
                if key not in table:
                    classifier = make(setting, args.image_size)
                    table.add(key, fit_and_score(classifier, X, y, *rows))
    table.print_against(TRANSFER)


if __name__ == "__main__":
    main()
