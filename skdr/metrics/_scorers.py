"""The metrics as scorers, for cross-validation and grid search."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import make_scorer

from skdr.metrics._calibration import (
    grade_brier_score,
    grade_calibration_error,
    referable_brier_score,
    referable_calibration_error,
)
from skdr.metrics._grading import grade_recalls, quadratic_weighted_kappa
from skdr.metrics._referable import (
    referable_roc_auc,
    referable_sensitivity,
    referable_specificity,
)
from skdr.metrics._scale import GRADES, REFERABLE_FROM
from skdr.metrics._weighted import Metric
