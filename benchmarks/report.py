"""Time alternatives in turns, and print ratios with what they were measured on."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np


def parse(description, **defaults):
    """Read options of the names and types of some defaults from the command line."""
    parser = argparse.ArgumentParser(description=description.strip().splitlines()[0])
    for name, default in defaults.items():
        kind = str if default is None else type(default)
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=kind, default=default, help=f"default: {default}")
    return parser.parse_args()


def print_machine():
    """Print processor and versions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    cpu = names[0] if names else platform.processor()
    found = []
    for package in ("tensorflow", "jax", "torch", "keras", "scikit-learn", "numpy", "pillow"):
        with suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    print(f"{os.cpu_count()} cores, {cpu}, Python {platform.python_version()}")
    print(", ".join(found), flush=True)


def in_own_process(*arguments):
    """Run Python with some arguments, and return what its last line of output says, in JSON."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def interleaved(alternatives, n_rounds, *, warm_up=True):
    """Return the seconds of each call, in rounds that run every alternative once."""
    if warm_up:
        for call in alternatives.values():
            call()
    seconds = {name: [] for name in alternatives}
    for _ in range(n_rounds):
        for name, call in alternatives.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def print_ratios(seconds, against, *, per_second=None, unit="images"):
    """Print the median of each alternative, and how many times faster than one it is."""
    reference = np.array(seconds[against])
    for name, own in seconds.items():
        own = np.array(own)
        ratios = reference / own
        rate = f"  {per_second / np.median(own):9.1f} {unit}/s" if per_second else ""
        print(
            f"{name:>34}  {np.median(own):8.3f} s{rate}  {np.median(ratios):7.2f}x "
            f"({ratios.min():.2f} to {ratios.max():.2f})",
            flush=True,
        )
