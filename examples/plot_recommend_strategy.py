"""
Which strategy suits my data?
=============================

Cross-validating four ways to use a ConvNet takes minutes to days. Much can be
said before: from one pass of the images through a pretrained network, and one
through the same network with random weights, come a learning curve, the
layer whose features serve best, how much the pretraining is worth, and from
these a predicted score for each way.

Without arguments it looks at synthetic fundus photographs. With ``--data`` it
takes a folder of one sub-folder a class, or one in the layout of EyePACS
(``trainLabels.csv`` and ``images/``).
"""

import argparse
import time
from pathlib import Path

from skdr.datasets import load_eyepacs, load_image_folder, make_fundus_images
from skdr.model_selection import make_strategies, recommend_strategy


def load(folder):
    """Return images, labels and, where they are known, patients."""
    if folder is None:
        data = make_fundus_images(240, grade_shares=(1, 1, 1, 1, 1), random_state=0)
        return data.images, data.target, data.groups
    is_graded = (Path(folder) / "trainLabels.csv").exists()
    data = (load_eyepacs if is_graded else load_image_folder)(folder)
    return data.data, data.target, data.groups


def main(argv=None):
    parser = argparse.ArgumentParser(description="Which strategy suits my data?")
    parser.add_argument("--data", help="a folder of classes, or in the layout of EyePACS")
    parser.add_argument("--image-size", type=int, help="default: what the network was made for")
    parser.add_argument("--output", default="recommend_strategy.png")
    options = parser.parse_args(argv)

    start = time.perf_counter()
    images, labels, patients = load(options.data)
    image_size = options.image_size or (128 if options.data is None else None)
    advice = recommend_strategy(
        images,
        labels,
        groups=patients,
        strategies=make_strategies(image_size=image_size, random_state=0),
        random_state=0,
    )
    print(advice)
    print(f"\n{advice.evidence}")
    advice.plot().figure_.savefig(options.output, dpi=150)
    print(f"\nPlot: {options.output}. Took {time.perf_counter() - start:.0f} s.")


if __name__ == "__main__":
    main()
