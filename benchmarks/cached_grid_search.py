"""A grid search over an SVM on features: cached, uncached, and on features computed by hand."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from report import interleaved, parse, print_machine, print_ratios
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skdr import PretrainedFeatureExtractor, clear_feature_cache, feature_cache_info

GRID = {"svm__C": [1e-4, 1e-3, 1e-2, 1e-1]}


def make_images(n_images, size):
    """Return arrays of noise in four classes."""
    rng = np.random.default_rng(0)
    y = np.arange(n_images) % 4
    X = rng.integers(0, 200, (n_images, size, size, 3), dtype=np.uint8)
    X[np.arange(n_images), : size // 4, :, 0] += (10 * y[:, None, None]).astype(np.uint8)
    return X, y


def write_files(X, folder):
    paths = [str(Path(folder) / f"{i}.jpeg") for i in range(len(X))]
    for image, path in zip(X, paths, strict=True):
        Image.fromarray(image).save(path)
    return paths


def compare(X, y, extractor, rounds):
    """Run the search in all ways on images in one form, and print the ratios."""

    def search(cache):
        features = extractor.set_params(cache=cache)
        steps = [("features", features), ("scaler", StandardScaler()), ("svm", SVC())]
        return GridSearchCV(Pipeline(steps), GRID, cv=5).fit(X, y)

    def cached():
        clear_feature_cache()
        found = search("memory")
        assert feature_cache_info().misses == len(X)
        return found

    def by_hand():
        features = extractor.set_params(cache=None).fit_transform(X)
        pipeline = Pipeline([("scaler", StandardScaler()), ("svm", SVC())])
        return GridSearchCV(pipeline, GRID, cv=5).fit(features, y)

    scores = [s.cv_results_["mean_test_score"] for s in (cached(), by_hand())]
    np.testing.assert_array_equal(*scores)
    few = interleaved({"by hand": by_hand, "cached": cached}, rounds, warm_up=False)
    print_ratios(few, "by hand")
    many = interleaved({"uncached": lambda: search(None), "cached": cached}, 1, warm_up=False)
    print_ratios(many, "uncached")


def main():
    options = parse(__doc__, backbone="EfficientNetLite0", n_images=200, size=224, rounds=5)
    print_machine()
    X, y = make_images(options.n_images, options.size)
    weights = "imagenet" if options.backbone.startswith("EfficientNetLite") else None
    extractor = PretrainedFeatureExtractor(
        options.backbone, weights=weights, image_size=options.size, random_state=0
    )
    print(f"{len(X)} images, {options.backbone}, 4 values of C, 5 folds\nfrom arrays:")
    compare(X, y, extractor, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        print("from JPEG files:")
        compare(write_files(X, folder), y, extractor, options.rounds)


if __name__ == "__main__":
    main()
