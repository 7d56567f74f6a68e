"""Read the tensors of a legacy PyTorch ``.pth`` file, without PyTorch.

The format (``torch.save`` before version 1.6) is a sequence of pickles: a magic
number, a protocol version, a description of the machine, the state dict with
its tensors as references into storages, the list of storage keys; then the
storages themselves, each an 8-byte element count followed by raw numbers.

A pickle may call whatever it names, so the unpickler here knows an ordered
dict, the rebuilding of a tensor and the storage types, and refuses all else.
It may also name sizes of gigabytes that are not in the file, so each pickle is
read through before it is loaded.
"""

import math
import pickle
import pickletools
import reprlib
from collections import OrderedDict
from dataclasses import dataclass
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
_STORAGE_DTYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}
# The opcodes that `torch.save` writes.
_OPCODES = frozenset(
    """
    APPEND APPENDS BINGET BININT BININT1 BININT2 BINPERSID BINPUT BINUNICODE BUILD EMPTY_DICT
    EMPTY_LIST EMPTY_TUPLE GLOBAL LONG1 LONG_BINGET LONG_BINPUT MARK NEWFALSE NEWTRUE NONE PROTO
    REDUCE SETITEM SETITEMS STOP TUPLE TUPLE1 TUPLE2 TUPLE3
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype
    n_elements: int


@dataclass(frozen=True)
class _TensorReference:
    """A tensor as the pickle knows it: a window on a storage that is not read yet."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def materialise(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        window = (self.offset, *self.shape, *self.strides)
        if min(window) < 0 or len(self.shape) != len(self.strides):
            raise pickle.UnpicklingError("a tensor has an impossible shape")
        if math.prod(self.shape) > self.storage.n_elements:
            raise pickle.UnpicklingError("a tensor is larger than its storage")
        last = sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        if self.offset + last >= self.storage.n_elements:
            raise pickle.UnpicklingError("a tensor reaches beyond its storage")
        values = storages[self.storage.key][self.offset :]
        strides = [step * values.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(values, self.shape, strides, writeable=False)


def _rebuild_tensor(
    storage: _Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    requires_grad: bool,
    backward_hooks: Any,
) -> _TensorReference:
    return _TensorReference(storage, offset, tuple(shape), tuple(strides))


class _TensorUnpickler(pickle.Unpickler):
    """Permits tensors in dicts and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGE_DTYPES:
            return _STORAGE_DTYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of tensors")

    def persistent_load(self, reference: Any) -> _Storage:
        kind, dtype, key, _location, n_elements, view = reference
        if kind != "storage" or view is not None or dtype not in _STORAGE_DTYPES.values():
            raise pickle.UnpicklingError(f"unknown reference {reprlib.repr(reference)}")
        return _Storage(str(key), np.dtype(dtype), int(n_elements))


def _load(buffer: BytesIO) -> Any:
    """Load the next pickle, after checking that it asks for no more than it holds."""
    start = buffer.tell()
    for n, (opcode, argument, _) in enumerate(pickletools.genops(buffer)):
        if opcode.name not in _OPCODES:
            raise pickle.UnpicklingError(f"{opcode.name} has no place in a file of tensors")
        if opcode.name == "LONG_BINPUT" and int(argument or 0) > n:
            raise pickle.UnpicklingError("the numbering of its parts is damaged")
    buffer.seek(start)
    return _TensorUnpickler(buffer).load()


def _read_storage(buffer: BytesIO, storage: _Storage) -> np.ndarray:
    n_elements = int.from_bytes(buffer.read(8), "little")
    n_bytes = n_elements * storage.dtype.itemsize
    raw = buffer.read(n_bytes)
    if n_elements != storage.n_elements or len(raw) != n_bytes:
        raise pickle.UnpicklingError(f"storage {storage.key!r} is damaged")
    return np.frombuffer(raw, storage.dtype)


def read_torch_checkpoint(file: str | PathLike[str] | bytes) -> dict[str, np.ndarray]:
    """Return the tensors of a legacy ``.pth`` file as read-only arrays.

    Parameters
    ----------
    file : str, path or bytes
        The file, or its contents.

    Returns
    -------
    tensors : dict of str to ndarray
        The state dict, in the file's order.

    Raises
    ------
    ValueError
        If the file is not of this format, is damaged, or holds anything
        but tensors. Nothing named in the file is ever imported or called.
    """
    buffer = BytesIO(file if isinstance(file, bytes) else Path(file).read_bytes())

    try:
        if _load(buffer) != _MAGIC_NUMBER or _load(buffer) != _PROTOCOL_VERSION:
            raise pickle.UnpicklingError("not a legacy PyTorch file")
        if not _load(buffer)["little_endian"]:
            raise pickle.UnpicklingError("written on a big-endian machine")
        references = _load(buffer)
        by_key = {r.storage.key: r.storage for r in references.values()}
        storages = {key: _read_storage(buffer, by_key[key]) for key in _load(buffer)}
        return {name: r.materialise(storages) for name, r in references.items()}
    except Exception as exc:
        raise ValueError(f"Cannot read PyTorch tensors: {exc or type(exc).__name__}.") from exc
