"""A grid search over an SVM on features: cached, uncached, and on features computed by hand."""

import numpy as np
from report import interleaved, parse, print_machine, print_ratios
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skdr import PretrainedFeatureExtractor, clear_feature_cache, feature_cache_info

GRID = {"svm__C": [1e-4, 1e-3, 1e-2, 1e-1]}


def main():
    options = parse(__doc__, backbone="EfficientNetLite0", n_images=200, size=224, rounds=3)
    print_machine()
    rng = np.random.default_rng(0)
    y = np.arange(options.n_images) % 4
    X = rng.integers(0, 200, (options.n_images, options.size, options.size, 3), dtype=np.uint8)
    X[np.arange(len(X)), : options.size // 4, :, 0] += (10 * y[:, None, None]).astype(np.uint8)
    weights = "imagenet" if options.backbone.startswith("EfficientNetLite") else None

    def extractor(cache):
        return PretrainedFeatureExtractor(
            options.backbone, weights=weights, image_size=options.size, cache=cache, random_state=0
        )

    def search(cache):
        steps = [("features", extractor(cache)), ("scaler", StandardScaler()), ("svm", SVC())]
        return GridSearchCV(Pipeline(steps), GRID, cv=5).fit(X, y)

    def cached():
        clear_feature_cache()
        found = search("memory")
        assert feature_cache_info().misses == len(X)
        return found

    def by_hand():
        features = extractor(None).fit_transform(X)
        pipeline = Pipeline([("scaler", StandardScaler()), ("svm", SVC())])
        return GridSearchCV(pipeline, GRID, cv=5).fit(features, y)

    scores = [s.cv_results_["mean_test_score"] for s in (cached(), by_hand())]
    np.testing.assert_array_equal(*scores)
    print(f"{len(X)} images, {options.backbone}, 4 values of C, 5 folds")
    few = interleaved({"by hand": by_hand, "cached": cached}, options.rounds, warm_up=False)
    print_ratios(few, "by hand")
    many = interleaved({"uncached": lambda: search(None), "cached": cached}, 1, warm_up=False)
    print_ratios(many, "uncached")


if __name__ == "__main__":
    main()
