"""Feed damaged files to the readers of images and of ``.pth`` files.

``python tests/fuzz_readers.py --n 100000`` prints what came of them. An input may be read, or
be refused with the one error that its reader promises. Anything else is a finding: another
error, ten seconds without an end, memory beyond a bound, or an attempt to run something.
"""

import argparse
import collections
import io
import pickle
import pickletools
import resource
import signal
import sys
import tempfile
import time
import types
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from skdr import ImageDecodeError
from skdr.images import as_image_source
from skdr.networks._torch_checkpoint import read_torch_checkpoint

FORMATS = {
    "BMP": {},
    "GIF": {},
    "ICO": {},
    "JPEG": {},
    "JPEG, progressive": {"format": "JPEG", "progressive": True},
    "JPEG2000": {},
    "PCX": {},
    "PNG": {},
    "PPM": {},
    "TGA": {},
    "TIFF": {},
    "TIFF, compressed": {"format": "TIFF", "compression": "tiff_lzw"},
    "WEBP": {},
}
SECONDS, EXTRA_BYTES = 10, 2**31
# What no reader of images or tensors has a reason to do.
FORBIDDEN = (
    "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.rename",
    "subprocess.Popen", "socket.connect", "pickle.find_class", "shutil.rmtree",
)  # fmt: skip
CALLS = [b"cos\nsystem\n", b"cbuiltins\neval\n", b"ccollections\nOrderedDict\n",
         b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nFloatStorage\n"]  # fmt: skip
OPCODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]
NUMBERS = [0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]


def image_seeds():
    """Return small valid files of every format."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    seeds = []
    for name, options in FORMATS.items():
        buffer = io.BytesIO()
        image.save(buffer, **{"format": name, **options})
        seeds.append(buffer.getvalue())
    return seeds


def checkpoint_seed():
    """Return a small ``.pth`` file, made as PyTorch makes them."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    class FloatStorage:
        pass

    def _rebuild_tensor_v2(*args):
        pass

    class Tensor:
        def __init__(self, key, shape):
            self.key, self.shape = key, shape

        def __reduce__(self):
            strides = (self.shape[1], 1)
            arguments = (Reference(self), 0, self.shape, strides, False, collections.OrderedDict())
            return _rebuild_tensor_v2, arguments

    class Reference:
        def __init__(self, tensor):
            self.tensor = tensor

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            if isinstance(thing, Reference):
                size = int(np.prod(thing.tensor.shape))
                return ("storage", FloatStorage, thing.tensor.key, "cpu", size, None)
            return None

    FloatStorage.__module__, FloatStorage.__qualname__ = "torch", "FloatStorage"
    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    torch.FloatStorage, torch._utils, utils._rebuild_tensor_v2 = (
        FloatStorage, utils, _rebuild_tensor_v2,
    )  # fmt: skip
    tensors = {"first": Tensor("0", (2, 3)), "second": Tensor("1", (4, 1))}
    buffer = io.BytesIO()
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules.update({"torch": torch, "torch._utils": utils})
    try:
        heads = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, tensors]
        for part in [*heads, [t.key for t in tensors.values()]]:
            Pickler(buffer, protocol=2).dump(part)
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    for tensor in tensors.values():
        values = np.arange(np.prod(tensor.shape), dtype="<f4")
        buffer.write(len(values).to_bytes(8, "little") + values.tobytes())
    return buffer.getvalue()


def damaged(contents, other, rng):
    """Return a copy of a file with one to four damages."""
    data = bytearray(contents)
    for _ in range(rng.integers(1, 5)):
        if len(data) < 2:
            break
        start, stop = sorted(int(i) for i in rng.integers(0, len(data), 2))
        kind = rng.integers(7)
        if kind == 0:
            data[start] ^= 1 << rng.integers(8)
        elif kind == 1:
            data[start:stop] = rng.bytes(min(stop - start, 16))
        elif kind == 2:
            del data[start:]
        elif kind == 3:
            del data[start : min(stop, start + 64)]
        elif kind == 4:
            data[start:start] = data[start : min(stop, start + 256)]
        elif kind == 5:
            order = "little" if rng.integers(2) else "big"
            number = NUMBERS[rng.integers(len(NUMBERS))].to_bytes(4, order)
            data[start : start + 4] = number
        else:
            data[start:] = other[min(start, len(other)) :]
    return bytes(data)


def random_pickle(rng):
    """Return a row of opcodes of pickle, calls among them, behind the magic numbers."""
    heads = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    parts = [pickle.dumps(head, protocol=2) for head in heads]
    for _ in range(rng.integers(2, 30)):
        pick = rng.integers(4)
        if pick == 0:
            parts.append(CALLS[rng.integers(len(CALLS))])
        elif pick == 1:
            parts.append(b"X\x04\x00\x00\x00true")
        else:
            parts.append(OPCODES[rng.integers(len(OPCODES))])
    return b"".join([*parts, b"."])


class Watch:
    """Raise where a reader does what it must not, or finds no end."""

    def __init__(self):
        self.is_on = False
        sys.addaudithook(self._audit)
        signal.signal(signal.SIGALRM, self._out_of_time)

    def _audit(self, event, arguments):
        if self.is_on and event.startswith(FORBIDDEN):
            raise SystemError(f"a reader calls {event} {arguments!r}")

    def _out_of_time(self, *arguments):
        raise SystemError(f"a reader takes more than {SECONDS} s")

    def __enter__(self):
        signal.alarm(SECONDS)
        self.is_on = True

    def __exit__(self, *exc_info):
        self.is_on = False
        signal.alarm(0)


def read_image(contents, path):
    path.write_bytes(contents)
    return as_image_source([path])


def fuzz(n_inputs, seed=0):
    """Return how many inputs of each reader were read and refused, and the findings."""
    rng = np.random.default_rng(seed)
    images, checkpoint = image_seeds(), checkpoint_seed()
    assert len(read_torch_checkpoint(checkpoint)) == 2
    outcomes, findings, watch = Counter(), [], Watch()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "image"
        for i in range(n_inputs):
            if i % 4:
                kind, refusal = "image", ImageDecodeError
                contents, other = (images[k] for k in rng.integers(len(images), size=2))
                contents = damaged(contents, other, rng)
                source = read_image(contents, path)
                read = lambda source=source: source.decode(0)  # noqa: E731
            else:
                kind, refusal = ".pth", ValueError
                is_random = i % 8 == 0
                contents = random_pickle(rng) if is_random else damaged(checkpoint, images[0], rng)
                read = lambda contents=contents: read_torch_checkpoint(contents)  # noqa: E731
            try:
                with watch:
                    read()
                outcomes[kind, "read"] += 1
            except refusal as error:
                if isinstance(error.__cause__, SystemError | MemoryError):
                    findings.append((kind, contents, error))
                outcomes[kind, "refused"] += 1
            except BaseException as error:
                findings.append((kind, contents, error))
    return outcomes, findings


def main():
    parser = argparse.ArgumentParser(description="Feed damaged files to the readers.")
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + EXTRA_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    start = time.perf_counter()
    outcomes, findings = fuzz(options.n, options.seed)
    for (kind, outcome), n in sorted(outcomes.items()):
        print(f"{kind:>6} {outcome:>8}: {n}")
    print(f"{options.n} inputs in {time.perf_counter() - start:.0f} s, {len(findings)} findings")
    for i, (kind, contents, error) in enumerate(findings[:20]):
        Path(f"finding_{i}").write_bytes(contents)
        print(f"finding_{i}: {kind}: {type(error).__name__}: {error} ({error.__cause__!r})")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
