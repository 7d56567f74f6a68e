"""The rate of matrix products, to compare networks with."""

import keras
import numpy as np
from report import interleaved


def matmul_rate(dtype, n, rounds):
    """Return how many 1e9 operations a second matrix products reach."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n, n)) / np.sqrt(n)  # so that products stay of that size
    a = keras.ops.cast(keras.ops.convert_to_tensor(values.astype(np.float32)), dtype)

    def chain():
        product = a
        for _ in range(20):
            product = keras.ops.matmul(product, a)
        return keras.ops.convert_to_numpy(keras.ops.cast(product[0, 0], "float32"))

    seconds = np.median(interleaved({"matmul": chain}, rounds)["matmul"])
    return 20 * 2 * n**3 / seconds / 1e9
