"""Global settings of Keras under which networks are built and trained."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


def refuse_other_settings() -> None:
    """Call before a network is built or trained.

    Raises
    ------
    RuntimeError
        If Keras is set to numbers or an order of axes that no network here has.
    """
    wanted = {"floatx": "float32", "image_data_format": "channels_last"}
    for name, value in wanted.items():
        found = getattr(keras.config, name)()
        if found != value:
            raise RuntimeError(
                f"Keras is set to {name} {found!r}, and the networks here have {value!r}: call "
                f"keras.config.set_{name}({value!r}) before fit."
            )


@contextmanager
def float32_layers() -> Iterator[None]:
    """Have this thread make layers in float32, whatever the global policy of Keras is.

    The parameter `dtype` of the estimators says in what they compute.
    """
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
