"""What following the advice costs, against the best strategy found by cross-validation.

Each data set, in several sizes, is put before `recommend_strategy` and cross-validated by
`compare_strategies` on the same folds. A rule's regret is the best mean balanced accuracy of
the four less that of the strategy it picks. What the advice infers from other data is taken
from the data sets that are not being judged.
"""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image
from report import parse, print_machine
from sklearn.datasets import load_digits

from skdr.datasets import load_eyepacs, load_image_folder, make_fundus_images
from skdr.model_selection import compare_strategies, make_strategies, recommend_strategy
from skdr.model_selection.advice._decision import (
    COST_ORDER,
    Experience,
    Gain,
    decide,
    predict_scores,
    textbook_scenario,
)
from skdr.model_selection.advice._evidence import Evidence

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def retinas():
    data = load_eyepacs(SHARED / "eyepacs256")
    return data.data, data.target, data.groups


def flowers():
    data = load_image_folder(SHARED / "flowers5")
    return data.data, data.target, None


def drawn_retinas():
    data = make_fundus_images(800, image_size=128, random_state=0)
    return data.images, data.target, data.groups


def digits():
    data = load_digits()
    images = np.array(
        [
            np.asarray(Image.fromarray((image * 15.9).astype(np.uint8)).resize((64, 64)))
            for image in data.images
        ]
    )
    return images, data.target, None


DATA = {call.__name__: call for call in (retinas, flowers, drawn_retinas, digits)}


def balanced_rows(y, n_images, seed=0):
    """Return rows of about equally many images of each class."""
    rng = np.random.default_rng(seed)
    classes = np.unique(y)
    each = n_images // len(classes)
    return np.sort(
        np.concatenate([rng.permutation(np.flatnonzero(y == k))[:each] for k in classes])
    )


def judge(X, y, groups, image_size, cv, folder):
    """Return what the advice measured, and the mean scores and seconds of all strategies."""
    strategies = make_strategies(image_size=image_size, random_state=0)
    settings = {"groups": groups, "strategies": strategies, "cv": cv, "random_state": 0}
    advice = recommend_strategy(X, y, **settings)
    comparison = compare_strategies(X, y, scoring="balanced_accuracy", folder=folder, **settings)
    scores = {name: s.mean() for name, s in comparison.scores["balanced_accuracy"].items()}
    seconds = comparison.folds_to_frame().groupby("strategy").fit_seconds.mean().to_dict()
    return {"evidence": asdict(advice.evidence), "scores": scores, "seconds": seconds}


def load_evidence(values):
    arrays = {
        name: {k: np.array(v) for k, v in values[name].items()}
        for name in ("pretrained", "random", "curve")
    }
    return Evidence(**{**values, **arrays, "transfer": np.array(values["transfer"])})


def experience_from(cases):
    """Return what fine-tuning and training end to end gained on some data sets."""
    fine_tune, scratch = [], []
    for case in cases:
        evidence, scores = load_evidence(case["evidence"]), case["scores"]
        transfer = evidence.transfer.mean()
        random = max(values.mean() for values in evidence.random.values())
        fine_tune.append((scores["fine_tune"] - transfer) / (1 - transfer))
        scratch.append((scores["scratch"] - random) / (1 - random))
    return Experience(*(Gain(np.mean(g), np.std(g, ddof=1)) for g in (fine_tune, scratch)))


def picked_scores(case, experience):
    """Return the score that each rule comes to, and what the advice said."""
    evidence, scores = load_evidence(case["evidence"]), case["scores"]
    decision = decide(predict_scores(evidence, experience), chance=evidence.chance)
    at_layer = {name: values.mean() for name, values in evidence.pretrained.items()}
    by_advice = {**scores, "frozen_svm": at_layer[evidence.best_layer]}
    size, similarity, _ = textbook_scenario(evidence)
    earlier = {name: score for name, score in at_layer.items() if name != evidence.last}
    textbook = {
        ("small", "similar"): scores["transfer"],
        ("large", "similar"): scores["fine_tune"],
        ("small", "different"): max(earlier.values()),
        ("large", "different"): scores["fine_tune"],
    }
    always = {f"always {name}": scores[name] for name in COST_ORDER}
    return {
        "advice": by_advice[decision.best],
        "textbook": textbook[size, similarity],
        **always,
    }, decision


def print_tables(cases):
    regrets = {}
    print(
        f"\n{'data':>14} {'images':>6}  " + "  ".join(f"{n:>10}" for n in COST_ORDER) + "  advice"
    )
    for case in cases:
        others = [other for other in cases if other["data"] != case["data"]] or cases
        picked, decision = picked_scores(case, experience_from(others))
        for rule, score in picked.items():
            regrets.setdefault(rule, []).append(max(case["scores"].values()) - score)
        shown = "  ".join(f"{case['scores'][name]:10.3f}" for name in COST_ORDER)
        said = f"{decision.best} ({decision.verdict})"
        print(f"{case['data']:>14} {case['n']:6}  {shown}  {said}")
    print(f"\n{'rule':>18}  mean regret    worst")
    for rule, values in regrets.items():
        print(f"{rule:>18}  {np.mean(values):11.3f}  {np.max(values):7.3f}")
    found = experience_from(cases)
    print("\nshares of the errors left that were gained, mean and deviation over all of them:")
    for name in ("fine_tune", "scratch"):
        gain = getattr(found, name)
        print(f"{name:>18}  {gain.mean:+11.2f}  {gain.deviation:7.2f}")


def main():
    options = parse(
        __doc__,
        data=",".join(DATA),
        sizes="60,150,400",
        image_size=128,
        cv=3,
        results=str(Path(tempfile.gettempdir()) / "advice_regret"),
    )
    print_machine()
    folder = Path(options.results)
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for n_images in [int(n) for n in options.sizes.split(",")]:
        for name in options.data.split(","):
            file = folder / f"{name}_{n_images}_{options.image_size}_{options.cv}.json"
            if not file.exists():
                X, y, groups = DATA[name]()
                rows = balanced_rows(y, n_images)
                own = None if groups is None else groups[rows]
                case = judge(X[rows], y[rows], own, options.image_size, options.cv, folder)
                case.update(data=name, n=len(rows))
                file.write_text(json.dumps(case, default=lambda array: array.tolist()))
            cases.append(json.loads(file.read_text()))
            print(name, n_images, cases[-1]["scores"], flush=True)
    print_tables(cases)


if __name__ == "__main__":
    main()
