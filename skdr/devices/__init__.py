"""The machine under a network: its GPUs and memory, and what processes share."""

from skdr.devices._fork_guard import is_refused, refuse_if_forked
from skdr.devices._gpu import (
    batch_size_of_passes,
    batch_size_of_training,
    data_parallel,
    gpu_turn,
    is_data_parallel,
    is_out_of_memory,
    list_gpus,
)
from skdr.devices._memory import reuse_freed_memory

__all__ = [
    "batch_size_of_passes",
    "batch_size_of_training",
    "data_parallel",
    "gpu_turn",
    "is_data_parallel",
    "is_out_of_memory",
    "is_refused",
    "list_gpus",
    "refuse_if_forked",
    "reuse_freed_memory",
]
