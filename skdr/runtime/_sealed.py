"""Networks in pickles and files of skops; left closed in processes where they would hang."""

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
        If it holds code of the user's that cannot be found again.
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
    with keras_seed(0):  # the weights that Keras draws first change nobody else's numbers
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
        """For skops, which would follow the layers of the network round and round."""
        raise ValueError(
            f"{self.name}={self.network.name!r} is a Keras model, and skops saves none. Save the "
            f"estimator with joblib, or set {self.name}= to a name or function before fit."
        )


def sealed_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes of an estimator as they are pickled: Keras models `Sealed`."""
    return {k: Sealed(k, v) if isinstance(v, keras.Model) else v for k, v in values.items()}


def sealed(make: Callable[..., Any], network: keras.Model, *others: Any) -> tuple[Any, ...]:
    """Return what `__reduce__` is to return for ``make(network, *others)``.

    The network is a pickle within the pickle: left to Keras it would be built
    before anybody could ask whether this process can.

    Raises
    ------
    ValueError
        If the network could not be loaded again.
    """
    refuse_unregistered(network)
    return _opened, (make, pickle.dumps(network), *others)


def _opened(make: Callable[..., Any], pickled: bytes, *others: Any) -> Any:
    """Unpickle.

    An error here would end a worker of `multiprocessing.Pool` while it reads
    its task, and the pool would wait for the result forever. So it is raised
    by the first use.
    """
    if is_refused():
        return _Closed(make, pickled, *others)
    with keras_seed(0):  # the weights that Keras draws first change nobody else's numbers
        network = pickle.loads(pickled)
    return make(network, *others)


class _Closed:
    """Stands for what cannot be used in this process: each use says so."""

    def __init__(self, *arguments: Any):
        self._arguments = arguments

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse_if_forked()
        raise AssertionError  # for the type checker

    def __getattr__(self, name: str) -> NoReturn:
        if not name.startswith("__"):  # Python asks for those to find out what an object can do
            refuse_if_forked()
        raise AttributeError(name)

    def __deepcopy__(self, memo: Any) -> "_Closed":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, self._arguments


def _itself(network: keras.Model) -> keras.Model:
    return network
