"""OpenVINO, an engine that runs frozen networks faster on CPUs."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from skdr._optional import import_optional

_HINTS = {"float32": "f32", "bfloat16": "bf16"}


@dataclass(frozen=True)
class OpenVINO:
    """Compiles networks for the CPU.

    Parameters
    ----------
    dtype : {"float32", "bfloat16"}
        Precision in which they compute. On a processor without bfloat16
        instructions it is always float32.

    Raises
    ------
    ImportError
        If OpenVINO is not installed.
    ValueError
        If it cannot compute in `dtype`, or cannot read networks of the backend
        that Keras runs on.
    """

    dtype: str

    def __post_init__(self) -> None:
        import_optional("openvino", purpose="engine='openvino'")
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                "engine='openvino' reads networks of the TensorFlow backend, but Keras runs on "
                f"{keras.backend.backend()!r}. Use engine='keras'."
            )
        if self.dtype not in _HINTS:
            raise ValueError(
                f"engine='openvino' computes in {' or '.join(map(repr, _HINTS))}, not in "
                f"dtype={self.dtype!r}."
            )

    def __call__(self, network: keras.Model) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
        """Return the compiled network, a function from images to outputs."""
        openvino = import_optional("openvino", purpose="engine='openvino'")
        converted = openvino.convert_model(network)
        # The number of images in a batch stays open.
        converted.reshape([-1, *network.input_shape[1:]])
        # By default OpenVINO computes in bfloat16 on every processor that can.
        hints = {"INFERENCE_PRECISION_HINT": _HINTS[self.dtype]}
        compiled = openvino.compile_model(converted, "CPU", hints)
        one_at_a_time = threading.Lock()

        def forward(batch: NDArray[Any]) -> NDArray[np.float32]:
            with one_at_a_time:
                return compiled(batch.astype(np.float32, copy=False))[0].copy()

        return forward
