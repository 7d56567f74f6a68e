"""
A report for reviewers
======================

One number hides what a grader of retinas is good for. From predictions for patients that were
not trained on come: agreement with the graders (quadratic weighted kappa), the recall of each
grade, how many referable patients would be referred at a threshold chosen on other patients,
whether the probabilities mean what they say, and intervals by resampling patients. The cut
points of ``OrdinalThresholdClassifier`` are put beside the most probable grade.

Without arguments it grades synthetic fundus photographs. With ``--data`` it takes a folder in
the layout of EyePACS (``trainLabels.csv`` and ``images/``).
"""

import argparse

from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from skdr import PretrainedFeatureExtractor, list_taps
from skdr.datasets import load_eyepacs, make_fundus_images
from skdr.metrics import GradingReport, referable_probability, referable_threshold
from skdr.model_selection import OrdinalThresholdClassifier
from skdr.preprocessing import DampedScaler


def split(y, groups, n_folds):
    return StratifiedGroupKFold(n_folds, shuffle=True, random_state=0).split(y, y, groups)


def main(argv=None):
    parser = argparse.ArgumentParser(description="A report for reviewers")
    parser.add_argument("--data", help="a folder in the layout of EyePACS")
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--output", default="grading_report.png")
    options = parser.parse_args(argv)
    if options.data is None:
        data = make_fundus_images(400, random_state=0)
        images = data.images
    else:
        data = load_eyepacs(options.data)
        images = data.data
    grades, patients = data.target, data.groups

    features = PretrainedFeatureExtractor(
        layer=list_taps("EfficientNetLite0")[-4:], image_size=options.image_size
    )
    model = make_pipeline(
        features,
        DampedScaler(),
        LogisticRegression(C=0.02, class_weight="balanced", max_iter=1000),
    )
    # One half of the patients is for the report, the other for training and the threshold.
    train, test = next(split(grades, patients, 2))
    inner = list(split(grades[train], patients[train], 5))
    out_of_fold = cross_val_predict(
        model, images[train], grades[train], cv=inner, method="predict_proba"
    )
    threshold = referable_threshold(
        grades[train], referable_probability(out_of_fold), min_sensitivity=0.9
    )
    model.fit(images[train], grades[train])
    ordinal = OrdinalThresholdClassifier(model, cv=inner).fit(images[train], grades[train])

    reports = {
        "most probable grade": GradingReport.from_predictions(
            grades[test],
            model.predict(images[test]),
            y_proba=model.predict_proba(images[test]),
            groups=patients[test],
            threshold=threshold,
            random_state=0,
        ),
        "cut points": GradingReport.from_predictions(
            grades[test], ordinal.predict(images[test]), groups=patients[test], random_state=0
        ),
    }
    print(f"Referred from a probability of {threshold:.3f}, chosen for 90% sensitivity on others.")
    for name, report in reports.items():
        print(f"\n{name}\n{report}")

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    for axis, (name, report) in zip(axes[:2], reports.items(), strict=True):
        report.confusion.plot(ax=axis)
        axis.set_title(name, fontsize="medium")
    reports["most probable grade"].reliability.plot(ax=axes[2])
    figure.savefig(options.output, dpi=150)


if __name__ == "__main__":
    main()
