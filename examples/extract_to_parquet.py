"""
Features of millions of image files, as Parquet
===============================================

Each part of the list of files becomes one Parquet file: the path of each image,
its features, or what is wrong with it. A part is there as a whole or not at all,
so the same command goes on where an earlier one was interrupted::

    find /data/photographs -name '*.jpeg' | sort > files.txt
    python extract_to_parquet.py files.txt features --n-workers 8

``--scheduler`` takes the address of a dask cluster; ``--share 3/64`` extracts
every 64th part, from the third, in this process: one task of an array of a batch system.
"""

import argparse
import hashlib
import json
import os
import socket
import sys
from itertools import count, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from distributed import Client, as_completed

import skdr
from skdr import ImageDecodeError, PretrainedFeatureExtractor

SCHEMA = pa.schema({"path": pa.string(), "features": pa.list_(pa.float32()), "error": pa.string()})
COMPRESSION = {
    "compression": "zstd",
    "use_dictionary": False,
    "use_byte_stream_split": ["features.list.element"],  # bytes of one kind together
}
# A damaged image costs a second pass of those that are passed with it.
N_AT_A_TIME = 256


# [recipe]
def extract(paths, extractor):
    """Return the features of each image or None, and what is wrong with each or None."""
    try:
        return list(extractor.fit_transform(paths)), [None] * len(paths)
    except ImageDecodeError as exc:
        damaged = dict(zip(exc.indices, exc.causes, strict=True))
    good = [path for i, path in enumerate(paths) if i not in damaged]
    features, errors = extract(good, extractor) if good else ([], [])
    for i in sorted(damaged):
        features.insert(i, None)
        errors.insert(i, damaged[i])
    return features, errors


def write_part(part, paths, extractor):
    """Extract one part, unless it is there; return the number of damaged images."""
    if part.exists():
        return 0
    features, errors = [], []
    for start in range(0, len(paths), N_AT_A_TIME):
        found = extract(paths[start : start + N_AT_A_TIME], extractor)
        features += found[0]
        errors += found[1]
    n_damaged = len(errors) - errors.count(None)
    if n_damaged > len(paths) / 2:
        first = next(filter(None, errors))
        raise OSError(f"{n_damaged} of {len(paths)} files are unreadable, the first: {first}")
    unfinished = part.with_name(f"_{part.stem}.{socket.gethostname()}.{os.getpid()}")
    table = pa.table([paths, features, errors], schema=SCHEMA)
    with unfinished.open("wb") as file:
        pq.write_table(table, file, **COMPRESSION)
        os.fsync(file.fileno())
    unfinished.replace(part)  # under its name it is whole, whoever is killed
    return n_damaged


def write_parts(parts, extractor, client, n_ahead=500):
    """Extract parts on a cluster, some ahead of its workers; return what went wrong, by part."""
    parts, failures = iter(parts), {}

    def submit(part, paths):
        return client.submit(write_part, part, paths, extractor, key=str(part), retries=2)

    running = as_completed([submit(*part) for part in islice(parts, n_ahead)])
    for done in running:
        if done.status != "finished":
            failures[done.key] = done.exception()
        for part in islice(parts, 1):
            running.add(submit(*part))
    return failures


# [end of recipe]


def write_share(parts, extractor):
    """Extract parts in this process; return what went wrong, by part."""
    failures = {}
    for part, paths in parts:
        try:
            write_part(part, paths, extractor)
        except Exception as exc:  # noqa: PERF203
            failures[str(part)] = exc
    return failures


def list_parts(files, folder, size, first=0, step=1):
    """Yield the path of each part that is not there yet, and the image files in it."""
    with open(files) as lines:
        for number in count():
            paths = [line.rstrip("\n") for line in islice(lines, size)]
            if not paths:
                return
            part = Path(folder) / f"part-{number:07d}.parquet"
            if number % step == first and not part.exists():
                yield part, paths


def check_same_job(files, folder, size, extractor):
    """Note in the folder what its parts are made of; raise if it holds parts of other things."""
    digest = hashlib.sha256()
    with open(files, "rb") as lines:
        while some := lines.read(2**20):
            digest.update(some)
    job = {
        "files": digest.hexdigest(),
        "images a part": size,
        "extractor": {k: str(v) for k, v in extractor.get_params().items()},
        "skdr": skdr.__version__,
    }
    note = Path(folder) / "_job.json"
    if not note.exists():
        note.parent.mkdir(parents=True, exist_ok=True)
        unfinished = note.with_name(f"_job.{socket.gethostname()}.{os.getpid()}")
        unfinished.write_text(json.dumps(job, indent=2))
        unfinished.replace(note)
    known = json.loads(note.read_text())
    changed = [name for name, value in job.items() if known.get(name) != value]
    if changed:
        raise ValueError(f"{folder} holds another job ({', '.join(changed)}); give another folder.")


def make_client(scheduler, n_workers):
    """Connect to a cluster, or start one whose processes share the cores of this machine."""
    if scheduler:
        return Client(scheduler)
    n_threads = max(1, os.cpu_count() // n_workers)
    env = {"TF_NUM_INTRAOP_THREADS": str(n_threads)}
    return Client(n_workers=n_workers, threads_per_worker=1, processes=True, env=env)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Features of image files, as Parquet.")
    parser.add_argument("files", help="text file with the path of an image on each line")
    parser.add_argument("folder", help="where the parts are written")
    parser.add_argument("--part-size", type=int, default=4096, help="images a part")
    parser.add_argument("--scheduler", help="address of a dask scheduler; default: a local cluster")
    parser.add_argument("--n-workers", type=int, default=1, help="processes of the local cluster")
    parser.add_argument("--share", help="3/64: every 64th part from the third, without a cluster")
    parser.add_argument("--backbone", default="EfficientNetLite0")
    parser.add_argument("--layer", default="last")
    parser.add_argument("--engine", default="keras", choices=["keras", "openvino"])
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    options = parser.parse_args(arguments)
    extractor = PretrainedFeatureExtractor(
        options.backbone,
        layer=options.layer,
        engine=options.engine,
        dtype=options.dtype,
        cache=None,  # what is finished is in the parts
    )
    check_same_job(options.files, options.folder, options.part_size, extractor)
    first, step = map(int, (options.share or "0/1").split("/"))
    folder = Path(options.folder).absolute()  # workers may run in other folders
    parts = list_parts(options.files, folder, options.part_size, first, step)
    if options.share:
        failures = write_share(parts, extractor)
    else:
        with make_client(options.scheduler, options.n_workers) as client:
            failures = write_parts(parts, extractor, client)
    if failures:
        lines = [f"{part}: {type(exc).__name__}: {exc}" for part, exc in failures.items()]
        sys.exit("\n".join([*lines, "The other parts are there; run the same command again."]))


if __name__ == "__main__":
    main()
