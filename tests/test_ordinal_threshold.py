"""Cut points: the best there are, tuned on images that the model did not see."""

from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdr.model_selection import OrdinalThresholdClassifier


@parametrize_with_checks(
    [
        OrdinalThresholdClassifier(LogisticRegression(), cv=2),
        OrdinalThresholdClassifier(DecisionTreeRegressor(random_state=0), cv=2),
    ]
)
def test_estimator_passes_check(estimator, check):
    check(estimator)
