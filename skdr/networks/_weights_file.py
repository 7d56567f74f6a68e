"""Files of weights: where they are, and whether they fit."""

import os
import re
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from skdr.exceptions import WeightsNotFoundError
from skdr.networks._copies import set_weights

_WEIGHT_FILES = (".weights.h5", ".h5", ".keras")
_HDF5 = b"\x89HDF\r\n\x1a\n"


def weights_path(weights: str | os.PathLike[str] | None) -> Path | None:
    if weights is None or weights == "imagenet":
        return None
    path = Path(weights)
    if not path.name.endswith(_WEIGHT_FILES):
        raise ValueError(
            f"weights={str(weights)!r} is not known. Use 'imagenet', None (random) or the path "
            f"of a file that ends in {', '.join(_WEIGHT_FILES)}."
        )
    if not path.is_file():
        raise WeightsNotFoundError(f"weights={str(path)!r}: no such file in {path.parent}.")
    return path


def load_weights_file(network: keras.Model, path: Path) -> None:
    """Fill a network with the weights in a file, all of them.

    Raises
    ------
    ValueError
        If the file has another format or belongs to another network; the message names the
        first weight that does not fit.
    """
    _refuse_other_format(path)
    # Keras may only warn of weights that it does not find, and keep the old values: NaN shows them.
    network.set_weights([_unset(weight) for weight in network.get_weights()])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if path.suffix == ".keras":
                _take_weights(network, _load_network(path))
            else:
                network.load_weights(path)
    except _CannotLoadError:
        raise
    except Exception as exc:
        raise _misfit(network, path, _reason(str(exc))) from exc
    filled = zip(network.weights, network.get_weights(), strict=True)
    missing = [weight.path for weight, values in filled if np.isnan(values).any()]
    if missing:
        reason = f"{len(missing)} weights are not in the file, {missing[0]!r} the first"
        raise _misfit(network, path, reason)


def download_failed(name: str, exc: Exception) -> WeightsNotFoundError:
    url = re.search(r"https?://\S+?\.h5", str(exc))
    file = url[0].rsplit("/", 1)[-1] if url else f"the weights of {name}"
    home = os.environ.get("KERAS_HOME", os.path.join(os.path.expanduser("~"), ".keras"))
    return WeightsNotFoundError(
        f"The ImageNet weights of {name} are not on this machine and could not be downloaded "
        f"({exc}). Without a network: put the file {file!r} into {os.path.join(home, 'models')}, "
        f"where Keras looks for it; or set weights= to the path of a copy; or use "
        f"backbone='EfficientNetLite0', whose weights are installed with skdr."
    )


def _refuse_other_format(path: Path) -> None:
    kind, beginning = ("Keras archive", b"PK") if path.suffix == ".keras" else ("HDF5", _HDF5)
    with path.open("rb") as file:
        found = file.read(len(beginning))
    if found != beginning:
        raise ValueError(
            f"weights={str(path)!r} is no {kind} file: it begins with {found!r}. Copy or download "
            "it again."
        )


def _unset(weight: NDArray[Any]) -> NDArray[Any]:
    return np.full_like(weight, np.nan) if np.issubdtype(weight.dtype, np.floating) else weight


def _take_weights(network: keras.Model, loaded: keras.Model) -> None:
    weights = loaded.get_weights()
    for own, other in zip(network.weights, weights, strict=False):
        if tuple(own.shape) != other.shape:
            raise ValueError(f"path={own.path}, {tuple(own.shape)} {other.shape}")
    if len(weights) != len(network.weights):
        raise ValueError(f"it holds {len(weights)} weights, the network {len(network.weights)}")
    set_weights(network, weights)


def _load_network(path: Path) -> keras.Model:
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as exc:
        raise _CannotLoadError(
            f"weights={str(path)!r} holds a network that Keras cannot load here, such as one with "
            "custom layers. Save its weights alone, with "
            "model.save_weights('name.weights.h5')."
        ) from exc


class _CannotLoadError(ValueError):
    pass


def _misfit(network: keras.Model, path: Path, reason: str) -> ValueError:
    return ValueError(
        f"weights={str(path)!r} do not fit {network.name!r}: {reason}. They must be those of the "
        "same network without its classes (include_top=False), of the same width."
    )


def _reason(message: str) -> str:
    """Return in one line what an error of Keras says, without the arrays that it prints."""
    weight = re.search(r"path=([^\s,>]+)|for weight (\S+?)\.? ", message)
    shapes = re.findall(r"\((?:\d+(?:, \d+)*,?)?\)", message)
    if weight and len(shapes) > 1:
        name = weight[1] or weight[2]
        return f"{name!r} has shape {shapes[0]} in the network and {shapes[1]} in the file"
    counts = re.search(r"Layer '(.+?)' expected (\d+) variables, but received (\d+)", message)
    if counts:
        name, n_own, n_found = counts.groups()
        return f"layer {name!r} has {n_own} weights in the network and {n_found} in the file"
    return message.strip().split("\n")[0][:200].rstrip(".")
