"""Training in phases: the only caller of `Model.fit`."""

from skdr.training._phases import Phase, Settings
from skdr.training._trainer import Examples, FrozenOutputs, Trainer

__all__ = ["Examples", "FrozenOutputs", "Phase", "Settings", "Trainer"]
