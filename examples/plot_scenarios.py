"""
The four scenarios, in pictures
===============================

The textbook advice on transfer learning has four cases: few images or many, like those of
ImageNet or unlike them. Here are all four: squares cut from two ordinary photographs, to be
told apart by where they were cut, and synthetic photographs of retinas, to be graded; some
dozens of each, or some hundreds (``--many 6000`` for what counts as large, a thousand a class;
it takes longer). ``recommend_strategy`` measures which case the images are, and predicts what each
strategy would score.
"""

import argparse

import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_sample_images

from skdr.datasets import make_fundus_images
from skdr.model_selection import make_strategies, recommend_strategy


def cut_squares(n_images, side=96, seed=0):
    """Cut squares from the left, middle and right of two photographs: six classes."""
    rng = np.random.default_rng(seed)
    squares, labels = [], []
    photographs = load_sample_images().images
    for i in range(n_images):
        label = i % 6
        photograph = photographs[label // 3]
        third = photograph.shape[1] // 3
        top = rng.integers(photograph.shape[0] - side)
        left = label % 3 * third + rng.integers(third - side)
        squares.append(photograph[top : top + side, left : left + side])
        labels.append(label)
    return np.array(squares), np.array(labels)


def scenarios(n_few, n_many, image_size):
    """Return images, labels and patients of each case."""
    retinas = make_fundus_images(
        n_many, image_size=image_size, grade_shares=(1, 1, 1, 1, 1), random_state=0
    )
    squares, places = cut_squares(n_many, image_size)
    cases = {}
    for size, n in (("few", n_few), ("many", n_many)):
        cases[f"{size} squares of photographs"] = squares[:n], places[:n], None
        each = [np.flatnonzero(retinas.target == grade)[: n // 5] for grade in range(5)]
        rows = np.sort(np.concatenate(each))
        cases[f"{size} drawn retinas"] = (
            retinas.images[rows],
            retinas.target[rows],
            retinas.groups[rows],
        )
    return cases


def plot(cases, advice):
    """Show some images of each case, with the scores by layer and by strategy beneath."""
    figure = plt.figure(figsize=(13, 8), layout="constrained")
    for part, (name, (images, labels, _)) in zip(
        figure.subfigures(2, 2, hspace=0.05, wspace=0.03).flat, cases.items(), strict=True
    ):
        found = advice[name]
        part.suptitle(f"{len(images)} images, {name}: {found.scenario}, {found.best}")
        top, bottom = part.subfigures(2, 1, height_ratios=(1, 2.2))
        first = [np.flatnonzero(labels == k)[0] for k in np.unique(labels)]
        for axis, i in zip(top.subplots(1, len(first)), first, strict=True):
            axis.imshow(images[i])
            axis.set_title(labels[i], fontsize="small")
            axis.axis("off")
        left, right = bottom.subplots(1, 2)
        evidence = found.evidence
        for network in ("pretrained", "random"):
            scores = [np.mean(s) for s in getattr(evidence, network).values()]
            left.plot(scores, "o-", label=f"{network} weights")
        left.set_xticks(range(len(scores)), evidence.pretrained, rotation=40, ha="right")
        left.set_ylabel("balanced accuracy")
        left.set_ylim(0, 1)
        left.legend(fontsize="small")
        for row, score in enumerate(found.predicted_scores.values()):
            right.plot([score.low, score.high], [row, row], color=f"C{row}")
            right.plot(score.estimate, row, "o" if score.is_measured else "s", color=f"C{row}")
        right.set_yticks(range(len(found.predicted_scores)), found.predicted_scores)
        right.set(xlim=(0, 1.02), ylim=(3.6, -0.6), xlabel="predicted score")
    return figure


def main(argv=None):
    parser = argparse.ArgumentParser(description="The four scenarios, in pictures")
    parser.add_argument("--few", type=int, default=60, help="images of the small data sets")
    parser.add_argument("--many", type=int, default=600, help="images of the large ones")
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--output", default="scenarios.png")
    options = parser.parse_args(argv)
    strategies = make_strategies(image_size=options.image_size, random_state=0)
    cases = scenarios(options.few, options.many, options.image_size)
    advice = {}
    for name, (X, y, patients) in cases.items():
        advice[name] = recommend_strategy(
            X, y, groups=patients, strategies=strategies, cv=3, random_state=0
        )
        print(f"{len(X)} images, {name}: {advice[name].scenario}\n{advice[name].conclusion}\n")
    plot(cases, advice).savefig(options.output, dpi=120)


if __name__ == "__main__":
    main()
