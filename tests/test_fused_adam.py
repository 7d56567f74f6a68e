"""Adam in one operation takes the steps of Keras's own."""

import keras
import numpy as np
import pytest

from skdr.runtime._fused_adam import fused_update_step
from tests.with_keras import on_tensorflow

ADAMS = {
    "Adam": lambda: keras.optimizers.Adam(0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-3),
    "AdamW": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "clipped": lambda: keras.optimizers.Adam(0.01, global_clipnorm=1.0),
    "schedule": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=2, decay_rate=0.5)
    ),
}


N_STEPS = 6  # 40 rows are two batches, three times


class OwnAdam(keras.optimizers.Adam):
    pass


def trained(optimizer, *, fused, dtype="float32"):
    """Return the weights of a small network, and the optimizer's state, after some steps."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, dtype=dtype)])
    if fused:
        optimizer.update_step = fused_update_step(optimizer)
    network.compile(optimizer, loss="mse")
    rng = np.random.default_rng(0)
    network.fit(rng.normal(size=(40, 5)), rng.normal(size=(40, 3)), epochs=3, verbose=0)
    found = [*network.weights, *optimizer.variables]
    return [keras.ops.convert_to_numpy(v).astype("float32") for v in found]


@on_tensorflow
@pytest.mark.parametrize("make", ADAMS.values(), ids=ADAMS)
def test_same_weights_and_state(make):
    assert fused_update_step(make()).__qualname__.startswith("fused_adam")
    for found, expected in zip(
        trained(make(), fused=True), trained(make(), fused=False), strict=True
    ):
        # Each step rounds a sum to float32, wherever the sum of all steps ends: near zero too.
        rounding = N_STEPS * np.finfo(np.float32).eps * np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=max(1e-7, rounding))


@on_tensorflow
def test_weights_in_bfloat16_learn_too():
    own, fused = (
        trained(keras.optimizers.Adam(0.01), fused=fused, dtype="bfloat16")
        for fused in (False, True)
    )
    np.testing.assert_allclose(fused[0], own[0], atol=0.02)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.SGD(),
        keras.optimizers.Nadam(),
        keras.optimizers.Adam(amsgrad=True),
        OwnAdam(),
    ],
    ids=["SGD", "Nadam", "amsgrad", "subclass"],
)
def test_others_take_their_own_steps(optimizer):
    assert fused_update_step(optimizer) == optimizer.update_step
