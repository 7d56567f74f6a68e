"""Packages that may be missing: one way to ask for them, one hint when they are."""

import importlib
from typing import Any

# The extra of skdr that installs a package.
_EXTRAS = {
    "matplotlib": "plots",
    "onnx": "onnx",
    "openvino": "openvino",
    "pandas": "dataframes",
}


def import_optional(module: str, *, purpose: str) -> Any:
    """Import a module of an optional package.

    Parameters
    ----------
    module : str
        Such as ``"matplotlib.pyplot"``.
    purpose : str
        What needs it: the first words of the error.

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If the package is not installed; says how to install it.
    """
    package = module.split(".")[0]
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as exc:
        if exc.name != package:  # it is installed, but something that it needs is not
            raise
        raise ImportError(
            f'{purpose} needs {package}: pip install "skdr[{_EXTRAS[package]}]".'
        ) from exc
    return importlib.import_module(module)


def pyplot() -> Any:
    """Return matplotlib.pyplot, or raise an error that says how to install it."""
    return import_optional("matplotlib.pyplot", purpose="Drawing")
