"""Fingerprints of code: two callables with the same fingerprint do the same."""

import dis
import functools
import hashlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib

_INSTALLED = {"site-packages", "dist-packages"}
# The opcodes that read a global name: in functions; in the bodies of classes, where the name may
# also be local; and, from Python 3.12 on, in scopes inside classes such as those of annotations.
_READS_A_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
_THIS_PACKAGE = __name__.split(".")[0]


def code_fingerprint(code: Any) -> str:
    """Return a hash of a callable or class, and of the code that it calls.

    It covers what functions and classes use by a global name, too. Code of an
    installed package is hashed by the version of the package, code of skdr by
    its source files if it is not installed, other code by its bytecode and the
    values that it holds. The hash is the same in every process that runs the
    same Python.

    Parameters
    ----------
    code : callable
        A function, class, bound method, `functools.partial` or object with
        ``__call__``.

    Returns
    -------
    fingerprint : str

    Raises
    ------
    TypeError
        If it holds something that cannot be hashed.
    """
    digest = hashlib.sha256(sys.version.encode())
    for part in _parts(code, set()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def global_names(code: types.CodeType) -> list[str]:
    """Return the global names that code, and code defined inside it, reads; no attributes.

    Parameters
    ----------
    code : code object
        Of a function, ``function.__code__``.

    Returns
    -------
    names : list of str
        Without repetition; those of Python's builtins too.
    """
    read = [i.argval for i in dis.get_instructions(code) if i.opname in _READS_A_GLOBAL]
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return list(dict.fromkeys([*read, *(name for c in inner for name in global_names(c))]))


def _parts(thing: Any, seen: set[int]) -> Iterator[str]:
    if isinstance(thing, types.ModuleType):
        yield _package(thing.__name__) or _source(thing)
    elif isinstance(thing, types.FunctionType | type):
        if id(thing) not in seen:
            seen.add(id(thing))
            yield from _definition(thing, seen)
    elif isinstance(thing, staticmethod | classmethod):
        yield from _parts(thing.__func__, seen)
    elif isinstance(thing, property):
        yield from _all_parts([thing.fget, thing.fset], seen)
    elif isinstance(thing, functools.partial):
        yield from _all_parts([thing.func, *thing.args, *thing.keywords.items()], seen)
    elif isinstance(thing, types.MethodType):
        yield from _all_parts([thing.__func__, thing.__self__], seen)
    elif isinstance(thing, tuple | list):
        yield from _all_parts(thing, seen)
    elif _is_followed(thing):
        yield from _all_parts([type(thing), *vars(thing).items()], seen)
    else:
        yield _package(type(thing).__module__) or ""
        yield _value(thing)


def _is_followed(thing: Any) -> bool:
    """Whether to hash the attributes of an object: it, or what it holds, may be the user's code."""
    is_users = hasattr(thing, "__dict__") and not _package(type(thing).__module__)
    return is_users or hasattr(thing, "get_params")


def _all_parts(things: Any, seen: set[int]) -> Iterator[str]:
    for thing in things:
        yield from _parts(thing, seen)


def _definition(thing: Any, seen: set[int]) -> Iterator[str]:
    """Yield what a function or class is made of."""
    yield thing.__qualname__
    package = _package(thing.__module__)
    if package:
        yield package
    elif isinstance(thing, type):
        own = {k: v for k, v in vars(thing).items() if not _is_made_by_python(k, v)}
        yield from _all_parts([*thing.__bases__, *own.items()], seen)
    else:
        code, scope = thing.__code__, thing.__globals__
        yield from _bytecode(code)
        held = [cell.cell_contents for cell in thing.__closure__ or ()]
        named = [scope[name] for name in global_names(code) if name in scope]
        defaults = [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).items()]
        yield from _all_parts([*defaults, *held, *named], seen)


def _is_made_by_python(name: str, value: Any) -> bool:
    return name == "_abc_impl" or (
        name.startswith("__") and not isinstance(value, types.FunctionType)
    )


def _bytecode(code: types.CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _bytecode(constant)
        elif isinstance(constant, frozenset):  # its order differs between processes
            yield repr(sorted(map(repr, constant)))
        else:
            yield repr(constant)


def _value(value: Any) -> str:
    try:
        return joblib.hash(value)
    except Exception as exc:
        raise TypeError(f"{value!r} cannot be hashed: {exc}") from exc


def _package(module: str | None) -> str | None:
    """Return the name and version of an installed package; None for the user's own code."""
    if module is None:  # run by `exec`, in a namespace without a name
        return None
    top = module.split(".")[0]
    if top == "__main__":  # user's code, even if in a worker process its file is in a package
        return None
    if top in sys.builtin_module_names or top in sys.stdlib_module_names:
        return top
    package = sys.modules.get(top)
    if _INSTALLED.isdisjoint(Path(getattr(package, "__file__", None) or "").parts):
        return _own_sources() if top == _THIS_PACKAGE else None
    return f"{top} {getattr(package, '__version__', '')}"


@functools.cache
def _own_sources() -> str:
    """Return a hash of this package's source files, which change while its version does not."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return f"{_THIS_PACKAGE} {digest.hexdigest()}"


def _source(module: types.ModuleType) -> str:
    file = getattr(module, "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else module.__name__
