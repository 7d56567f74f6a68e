"""A grid search over an SVM on features: cached, uncached, and on features computed by hand."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from PIL import Image
from report import interleaved, parse, print_machine, print_ratios
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skdr import PretrainedFeatureExtractor, clear_feature_cache, feature_cache_info
from skdr.images import as_image_source, decode_all
from skdr.networks import build_backbone

GRID = {"svm__C": [1e-4, 1e-3, 1e-2, 1e-1]}


class PlainFeatures(TransformerMixin, BaseEstimator):
    """The transformer that one writes around ``keras.Model.predict``."""

    def __init__(self, backbone, weights, size):
        self.backbone, self.weights, self.size = backbone, weights, size

    def fit(self, X, y=None):
        network = build_backbone(self.backbone, self.weights, (self.size, self.size))
        pooled = keras.layers.GlobalAveragePooling2D()(network.outputs[0])
        self.network_ = keras.Model(network.inputs, pooled)
        return self

    def transform(self, X):
        images = decode_all(as_image_source(X), (self.size, self.size), 32)
        return self.network_.predict(images, batch_size=32, verbose=0)


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

    def search(features):
        steps = [("features", features), ("scaler", StandardScaler()), ("svm", SVC())]
        return GridSearchCV(Pipeline(steps), GRID, cv=5).fit(X, y)

    def uncached():
        return search(extractor.set_params(cache=None))

    def around_predict():
        size = extractor.image_size
        return search(PlainFeatures(extractor.backbone, extractor.weights, size))

    def cached():
        clear_feature_cache()
        found = search(extractor.set_params(cache="memory"))
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
    all_ways = {"around predict": around_predict, "uncached": uncached, "cached": cached}
    print_ratios(interleaved(all_ways, 1, warm_up=False), "around predict")


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
