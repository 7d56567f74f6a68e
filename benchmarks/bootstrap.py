"""Intervals by bootstrap over patients: all resamples together against one after another."""

from functools import partial

import numpy as np
from report import interleaved, parse, print_machine, print_ratios
from sklearn.metrics import balanced_accuracy_score

from skdr.metrics import (
    bootstrap_interval,
    grade_brier_score,
    quadratic_weighted_kappa,
    referable_roc_auc,
    referable_sensitivity,
)

METRICS = {
    "quadratic weighted kappa": (quadratic_weighted_kappa, "grades"),
    "balanced accuracy": (balanced_accuracy_score, "grades"),
    "referable ROC AUC": (referable_roc_auc, "probabilities"),
    "referable sensitivity": (partial(referable_sensitivity, threshold=0.5), "probabilities"),
    "grade Brier score": (grade_brier_score, "probabilities"),
}


def one_by_one(metric):
    """Hide which metric it is: it is then called once a resample."""
    return lambda y_true, y_pred: metric(y_true, y_pred)


def main():
    options = parse(__doc__, n_images=5000, n_resamples=2000, rounds=3)
    print_machine()
    rng = np.random.default_rng(0)
    y_true = rng.integers(5, size=options.n_images)
    probabilities = 0.6 * rng.dirichlet(np.ones(5), size=len(y_true)) + 0.4 * np.eye(5)[y_true]
    given = {"grades": probabilities.argmax(axis=1), "probabilities": probabilities}
    print(f"{options.n_resamples} resamples of {len(y_true)} images, two a patient")
    for name, (metric, takes) in METRICS.items():
        settings = {
            "groups": np.arange(len(y_true)) // 2,
            "n_resamples": options.n_resamples,
            "random_state": 0,
        }
        interval = partial(bootstrap_interval, y_true=y_true, y_pred=given[takes], **settings)
        together, apart = interval(metric), interval(one_by_one(metric))
        difference = np.abs(together.distribution - apart.distribution).max()
        print(f"\n{name}: {together}, differs by {difference:.0e} at most")
        seconds = interleaved(
            {
                "one resample after another": partial(interval, one_by_one(metric)),
                "all resamples together": partial(interval, metric),
            },
            options.rounds,
            warm_up=False,
        )
        print_ratios(seconds, "one resample after another")


if __name__ == "__main__":
    main()
