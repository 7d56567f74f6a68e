"""Global settings of Keras under which networks are built and trained."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


def refuse_other_settings() -> None:
    """Raise an error for settings that networks here cannot be built or trained under.

    Raises
    ------
    RuntimeError
        If Keras is set to a type of numbers or an order of axes that they do not have.
    """
    wanted = {"floatx": "float32", "image_data_format": "channels_last"}
    for name, value in wanted.items():
        found = getattr(keras.config, name)()
        if found != value:
            raise RuntimeError(
                f"Keras is set to {name} {found!r}, but the networks here have {value!r}: call "
                f"keras.config.set_{name}({value!r}) before fit."
            )


@contextmanager
def float32_layers() -> Iterator[None]:
    """Make layers in float32 in this thread, whatever the global policy of Keras is.

    The parameter `dtype` of the estimators says in which precision they compute.
    """
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
