"""The labelled image sets that defaults are decided on, the splits, and tables of scores."""

import csv
from pathlib import Path

import numpy as np
from sklearn.metrics import balanced_accuracy_score, log_loss

from skdr._stratified import stratified_folds
from skdr.datasets import load_eyepacs, load_image_folder

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
# Images of these sets that show one thing (a user, a tile, a board) are never split.
GROUPED = {"hand_drawn_shapes", "magnetic_tile", "pacs_sketch", "pcb_defects", "pollen_bees"}
UNLIKE_IMAGENET = {
    "brain_mri",
    "breast_ultrasound",
    "elpv_solar",
    "eyepacs256",
    "hand_drawn_shapes",
    "lung_histology",
    "magnetic_tile",
    "pacs_sketch",
    "pcb_defects",
    "wbc",
}
N_FOLDS, MAX_TEST = 3, 200
COLUMNS = ["set", "n_images", "fold", "setting", "score", "log_loss", "seconds"]
N_DRAWS = 2000


def set_names():
    """Return the names of all sets that are here."""
    many = sorted(path.name for path in (SHARED / "many").iterdir() if path.is_dir())
    return [*many, "eyepacs256", "flowers5"]


def load_set(name):
    """Return paths, labels as numbers, and groups or None."""
    if name == "eyepacs256":
        data = load_eyepacs(SHARED / name)
        return np.array(data.data, dtype=object), np.asarray(data.target), np.asarray(data.groups)
    if name == "flowers5":
        data = load_image_folder(SHARED / name)
        y = np.unique(data.target, return_inverse=True)[1]
        return np.array(data.data, dtype=object), y, None
    folder = SHARED / "many" / name
    rows = list(csv.DictReader((folder / "files.csv").open()))
    paths = np.array([str(folder / row["file"]) for row in rows], dtype=object)
    y = np.unique([row["class"] for row in rows], return_inverse=True)[1]
    if name not in GROUPED:
        return paths, y, None
    groups = [row["group"] or f"own {i}" for i, row in enumerate(rows)]
    return paths, y, np.unique(groups, return_inverse=True)[1]


def balanced_rows(y, rows, n_images, rng):
    """Return about so many of the rows, as equally many of each class as there are."""
    left, chosen = n_images, []
    own = [rng.permutation(rows[y[rows] == k]) for k in np.unique(y[rows])]
    own.sort(key=len)
    for i, candidates in enumerate(own):
        taken = candidates[: round(left / (len(own) - i))]
        left -= len(taken)
        chosen.append(taken)
    return np.sort(np.concatenate(chosen))


def split(y, groups, n_images, fold, seed=0):
    """Return rows to train on, two thirds of some images, and to test on, of other groups."""
    rng = np.random.default_rng((seed, fold))
    folds = stratified_folds(N_FOLDS, groups, random_state=seed).split(y, y, groups)
    pool, test = list(folds)[fold]
    n_train = round(n_images * (N_FOLDS - 1) / N_FOLDS)
    return balanced_rows(y, pool, n_train, rng), balanced_rows(y, test, MAX_TEST, rng)


def scores_of(y, probabilities):
    """Return balanced accuracy and log-loss; classes are the numbers of the columns."""
    labels = np.arange(probabilities.shape[1])
    losses = log_loss(y, probabilities, labels=labels)
    return balanced_accuracy_score(y, probabilities.argmax(axis=1)), losses


class Table:
    """A CSV file of scores, a line a fit; what is in it is not measured again."""

    def __init__(self, path):
        self.path = Path(__file__).parent / path
        if not self.path.exists():
            self.path.parent.mkdir(exist_ok=True)
            self.path.write_text(",".join(COLUMNS) + "\n")
        self.rows = list(csv.DictReader(self.path.open()))
        self._keys = {tuple(row[name] for name in COLUMNS[:4]) for row in self.rows}

    def __contains__(self, key):
        return tuple(map(str, key)) in self._keys

    def add(self, key, scores):
        row = [*map(str, key), *(f"{score:.4f}" for score in scores)]
        self._keys.add(tuple(row[:4]))
        self.rows.append(dict(zip(COLUMNS, row, strict=True)))
        with self.path.open("a") as file:
            csv.writer(file, lineterminator="\n").writerow(row)
        print(*row, flush=True)

    def print_against(self, reference):
        """Print the mean difference to a setting, paired by fold, over the sets of each size.

        Its interval is a bootstrap over sets: what another set may be expected to show.
        """
        by_size = {}
        for row in self.rows:
            cell = by_size.setdefault(int(row["n_images"]), {}).setdefault(row["setting"], {})
            values = [float(row[name]) for name in COLUMNS[4:]]
            cell.setdefault(row["set"], {})[row["fold"]] = values
        for n_images, settings in sorted(by_size.items()):
            if reference in settings:
                _print_size(n_images, settings, reference)


def _print_size(n_images, settings, reference):
    print(f"\n{n_images} images, against {reference}")
    print("| setting | sets | score | difference | unlike | like | worst | log-loss | s |")
    print("|---|---|---|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    for setting, by_set in settings.items():
        gains, means = {}, []
        for name, folds in by_set.items():
            pairs = [
                (v, settings[reference][name][f])
                for f, v in folds.items()
                if f in settings[reference].get(name, {})
            ]
            if pairs:
                gains[name] = np.mean([own[0] - other[0] for own, other in pairs])
                means.append(np.mean([own for own, _ in pairs], axis=0))
        values = np.array(list(gains.values()))
        unlike = np.array([name in UNLIKE_IMAGENET for name in gains])
        drawn = rng.choice(values, (N_DRAWS, len(values))).mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        score, loss, seconds = np.mean(means, axis=0)
        worst = min(gains, key=gains.get)
        print(
            f"| {setting} | {len(values)} | {score:.3f} | {values.mean():+.3f} [{low:+.3f}, "
            f"{high:+.3f}] | {_mean(values[unlike])} | {_mean(values[~unlike])} | "
            f"{gains[worst]:+.3f} {worst} | {loss:.3f} | {seconds:.1f} |"
        )


def _mean(values):
    return f"{values.mean():+.3f}" if len(values) else "-"
