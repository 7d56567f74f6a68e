"""The pictures of the architecture: rooms, and the files that a call passes.

The rooms and the arrows between them are read from the code. Which files a call passes is written
down here, and ``tests/test_architecture.py`` follows such calls.
"""

import ast
import textwrap
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.patches import FancyBboxPatch

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "skdr"

#: What is in each room, its colour, and where in its row it stands.
ROOMS = {
    "model_selection": ("comparison, advice,\nsplits, thresholds", "#d7b5d8", 2.1),
    "inspection": ("Grad-CAM, mistakes,\nlearning curves", "#e6d3e8", 1.1),
    "estimators": ("the three estimators,\nthe order of fit", "#fdc086", 1.1),
    "training": ("phases; the only caller\nof Model.fit", "#fee391", 0.55),
    "features": ("one vector an image,\ncomputed once", "#fff2b8", 1.65),
    "runtime": ("how a network runs:\ncompiled, shared, sped up", "#b8dfc6", 2.1),
    "networks": ("what a network is:\nbackbones, weights, heads", "#9ecae1", 2.1),
    "preprocessing": ("crop to the retina,\nlocal colour", "#d4e7f3", 0),
    "images": ("any X to RGB in 0..255", "#c7d7a5", 1.1),
    "devices": ("GPUs, memory, processes", "#d9d9d9", 2.1),
    "metrics": ("graded disease, intervals", "#e3ecd0", 3.3),
    "datasets": ("load_* and make_*", "#f0f0f0", 0),
}
#: What a call passes, in order: a file and what it does.
CALLS = {
    "fit": (
        "FineTunedCNNClassifier().fit(X, y)",
        [
            ("estimators/_cnn_classifier.py", "fit: the order of all that follows"),
            ("estimators/_fine_tuned.py", "the plan: which network, which phases"),
            ("images/_find.py", "X in any form becomes an ImageSource; nothing is decoded"),
            ("estimators/_targets.py", "labels and weights; equal images become one"),
            ("runtime/_trainable.py", "lend a network of this recipe, or build one:"),
            ("training/_recipes.py", "    what shapes it; equal recipes share what was compiled"),
            ("networks/_build.py", "    backbone and weights; RGB in 0..255 is normalised inside"),
            ("networks/_taps.py", "    cut at layer=, pooled to a vector"),
            ("networks/_head.py", "    a head on it"),
            ("training/_plan.py", "train as planned:"),
            ("training/_trainer.py", "    a phase after the other"),
            ("images/_batches.py", "    decode, preprocess, resize"),
            ("runtime/_forward.py", "    the frozen layers, once an image"),
            ("training/_compiled.py", "    compile what learns: rates, warm-up, penalty"),
            ("training/_callbacks.py", "    history, early stopping, callbacks of the user"),
            ("runtime/_fitted.py", "keep the weights"),
        ],
        "weights, history_, classes_; model_ is made when asked for",
    ),
    "transform": (
        "PretrainedFeatureExtractor().fit(X).transform(X)",
        [
            ("estimators/_feature_extractor.py", "fit has loaded the network; transform"),
            ("images/_find.py", "X in any form becomes an ImageSource; nothing is decoded"),
            ("features/_frozen_features.py", "look each image up by its contents"),
            ("features/_store.py", "    in memory or in a folder; what is there is done"),
            ("images/_batches.py", "for the others: decode, preprocess, resize"),
            ("runtime/_frozen.py", "    the frozen network that all who ask for it share"),
            ("networks/_taps.py", "    cut at layer= and at every tap, pooled"),
            ("runtime/_fold.py", "    BatchNorm folded into the convolutions"),
            ("runtime/_forward.py", "    compiled, and run batch by batch"),
            ("features/_store.py", "keep the vectors of all taps"),
        ],
        "features of shape (n_samples, n_features)",
    ),
    "compare_strategies": (
        "compare_strategies(X, y, strategies=...)",
        [
            (
                "model_selection/comparison/_compare.py",
                "which fits there are, and which are missing",
            ),
            ("model_selection/_inputs.py", "strategies, images, labels and patients, checked"),
            ("model_selection/comparison/_folds.py", "the same splits for all strategies"),
            ("model_selection/_check_split.py", "    warn of images or patients on both sides"),
            (
                "model_selection/comparison/_folds.py",
                "fit a clone, predict the images left out; for each fold:",
            ),
            ("estimators/_feature_extractor.py", "    an estimator, or a pipeline of several"),
            ("model_selection/comparison/_folds.py", "    outputs, kept in folder= at once"),
            ("model_selection/comparison/_comparison.py", "scores from the outputs that were kept"),
            ("model_selection/_intervals.py", "    paired differences, with intervals"),
            ("model_selection/_findings.py", "    what can be told apart, in sentences"),
        ],
        "a StrategyComparison: print, plot, to_html, estimator",
    ),
}


def names():
    """Return the names of the pictures."""
    return ["rooms", *(f"call_{name}" for name in CALLS)]


def draw_all(folder):
    """Write ``rooms.svg`` and a picture of each call."""
    # Without a date, and with ids of its own, the same code draws the same file.
    with mpl.rc_context({"svg.hashsalt": "skdr", "font.size": 10}):
        for name, figure in zip(names(), [draw_rooms(), *map(draw_call, CALLS)], strict=True):
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
            plt.close(figure)


def layers():
    """Return the rows of the house, from the test that checks them."""
    tree = ast.parse((ROOT / "tests" / "test_layers.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "LAYERS":
            return eval(compile(ast.Expression(node.value), "LAYERS", "eval"))
    raise LookupError("tests/test_layers.py has no LAYERS")


def imports():
    """Return which rooms each room imports."""
    found = {room: set() for room in ROOMS}
    for room in ROOMS:
        for path in (PACKAGE / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module.startswith("skdr."):
                    found[room].add(node.module.split(".")[1])
    return {room: (others & set(ROOMS)) - {room} for room, others in found.items()}


def arrows():
    """Return the imports that do not follow from others: a way of two steps is not drawn."""
    direct = imports()
    below = {}

    def all_below(room):
        if room not in below:
            below[room] = direct[room].union(*map(all_below, direct[room]))
        return below[room]

    return [
        (room, other)
        for room in direct
        for other in direct[room]
        if not any(other in all_below(between) for between in direct[room])
    ]


def draw_rooms():
    """Draw the rooms in their rows, with an arrow to what each imports."""
    rows = [[name for name in row if name in ROOMS] for row in layers()]
    rows = [row for row in rows if row]
    axis = _blank((10.6, 1.25 * len(rows) + 0.4))
    size = (2.3, 0.76)
    places = {
        room: (1.25 + 2.45 * ROOMS[room][2], -0.45 - 1.25 * i)
        for i, row in enumerate(rows)
        for room in row
    }
    for upper, lower in arrows():
        _arrow(axis, places[upper], places[lower], size)
    for room, (x, y) in places.items():
        holds, colour, _ = ROOMS[room]
        _box(axis, (x, y), size, colour)
        axis.text(x, y + 0.2, room, ha="center", va="center", weight="bold", fontsize=11)
        axis.text(x, y - 0.13, holds, ha="center", va="center", fontsize=9, linespacing=1.05)
    no_rooms = ", ".join(name for row in layers() for name in row if name not in ROOMS)
    foot = textwrap.fill(f"Below all rooms, imported by any: {no_rooms}", 120)
    axis.text(0.1, -1.25 * len(rows) - 0.1, foot, fontsize=9, va="center")
    return axis.figure


def draw_call(name):
    """Draw the files that a call passes, from top to bottom."""
    call, steps, result = CALLS[name]
    step = 0.52
    axis = _blank((8.4, step * (len(steps) + 2)))
    axis.text(0.1, -step / 2, call, family="monospace", weight="bold", va="center", fontsize=11)
    for i, (file, does) in enumerate(steps, start=1):
        left, y = 0.1 + 0.35 * does.startswith(" "), -step * (i + 0.5)
        _box(axis, (left + 1.7, y), (3.4, 0.36), ROOMS[file.split("/")[0]][1])
        axis.text(left + 0.1, y, file, family="monospace", va="center", fontsize=8.5)
        axis.text(left + 3.55, y, does.strip(), va="center")
        _arrow(axis, (0.75, y + step), (0.75, y), (0, 0.36))
    end = -step * (len(steps) + 1.5)
    axis.text(0.1, end, f"gives {result}", va="center", style="italic")
    return axis.figure


def _blank(size):
    """Return an axis without lines, in inches from the upper left corner."""
    axis = plt.figure(figsize=size).add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, size[0]), ylim=(-size[1], 0))
    axis.axis("off")
    return axis


def _box(axis, centre, size, colour):
    corner = [c - s / 2 for c, s in zip(centre, size, strict=True)]
    style = "round,pad=0,rounding_size=0.08"
    axis.add_patch(FancyBboxPatch(corner, *size, boxstyle=style, fc=colour, ec="#555555", lw=0.8))


def _arrow(axis, upper, lower, size):
    """Draw an arrow from the foot of a box to the head of one below, as steep as may be."""
    reach = 0.4 * size[0]
    shift = max(-reach, min(reach, (lower[0] - upper[0]) / 2))
    start = (upper[0] + shift, upper[1] - size[1] / 2)
    end = (lower[0] - shift, lower[1] + size[1] / 2)
    axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "#555555"})
