"""Networks in pickles and files of skops; not loaded in processes where they would hang."""

import pickle
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import keras

from skdr.devices import is_refused, refuse_if_forked
from skdr.networks._copies import set_weights
from skdr.networks._registered import refuse_unregistered
from skdr.runtime._keras_internals import keras_seed


def network_state(network: keras.Model) -> dict[str, Any]:
    """Return a network as text and arrays.

    Raises
    ------
    ValueError
        If it holds the user's own code and Keras cannot find that again.
    """
    refuse_unregistered(network, lambdas=True)
    return {"config": network.to_json(), "weights": network.get_weights()}


def network_from_state(state: Mapping[str, Any]) -> keras.Model:
    """Build a network from what `network_state` returned, in Keras's safe mode.

    Raises
    ------
    ValueError
        If it holds code, as a Lambda layer does.
    RuntimeError
        In a process that was forked from one that had used networks.
    """
    refuse_if_forked()
    with keras_seed(0):  # Keras draws weights here: other random numbers must not change
        network = keras.models.model_from_json(state["config"])
    set_weights(network, state["weights"])
    return network


class Sealed:
    """A Keras model among the parameters of an estimator that is pickled.

    Parameters
    ----------
    name : str
        Of the parameter.
    network : keras.Model
    """

    def __init__(self, name: str, network: keras.Model):
        self.name = name
        self.network = network

    def __reduce__(self) -> tuple[Any, ...]:
        return sealed(_itself, self.network)

    def __getstate__(self) -> NoReturn:
        """Raise an error for skops, which would follow the layers of the network in circles."""
        raise ValueError(
            f"{self.name}={self.network.name!r} is a Keras model, which skops cannot save. Save "
            f"the estimator with joblib, or set {self.name}= to a name or function before fit."
        )


def sealed_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes of an estimator with each Keras model in a `Sealed`, to be pickled."""
    return {k: Sealed(k, v) if isinstance(v, keras.Model) else v for k, v in values.items()}


def sealed(make: Callable[..., Any], network: keras.Model, *others: Any) -> tuple[Any, ...]:
    """Return a value for `__reduce__` that unpickles as ``make(network, *others)``.

    The network is a pickle within the pickle. Otherwise Keras would build it
    while the outer pickle is read, before `_opened` can check for a fork.

    Raises
    ------
    ValueError
        If the network could not be loaded again.
    """
    refuse_unregistered(network)
    return _opened, (make, pickle.dumps(network), *others)


def _opened(make: Callable[..., Any], pickled: bytes, *others: Any) -> Any:
    """Unpickle, or return an object that raises an error when it is used.

    An error here would end a worker of `multiprocessing.Pool` while it reads
    its task, and the pool would wait for the result forever.
    """
    if is_refused():
        return _Closed(make, pickled, *others)
    with keras_seed(0):  # Keras draws weights here: other random numbers must not change
        network = pickle.loads(pickled)
    return make(network, *others)


class _Closed:
    """Stands for something that this process cannot use: every use raises an error."""

    def __init__(self, *arguments: Any):
        self._arguments = arguments

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse_if_forked()
        raise AssertionError  # for the type checker

    def __getattr__(self, name: str) -> NoReturn:
        if not name.startswith("__"):  # Python looks those up to see what an object can do
            refuse_if_forked()
        raise AttributeError(name)

    def __deepcopy__(self, memo: Any) -> "_Closed":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, self._arguments


def _itself(network: keras.Model) -> keras.Model:
    return network
