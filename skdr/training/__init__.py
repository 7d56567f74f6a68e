"""Training in phases, as planned: which network, which layers learn, how fast."""

from skdr.training._examples import Examples
from skdr.training._phases import Phase, TrainingOptions
from skdr.training._plan import HeadFeatures, TrainingPlan, train
from skdr.training._recipes import NetworkRecipe, PretrainedRecipe, ScratchRecipe
from skdr.training._trainer import Trainer

__all__ = [
    "Examples",
    "HeadFeatures",
    "NetworkRecipe",
    "Phase",
    "PretrainedRecipe",
    "ScratchRecipe",
    "Trainer",
    "TrainingOptions",
    "TrainingPlan",
    "train",
]
