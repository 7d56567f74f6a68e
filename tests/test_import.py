"""Importing skdr is quiet, light and changes nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_import_prints_nothing_and_leaves_optional_packages_alone():
    code = """
import sys, keras
before = set(sys.modules)
print("imports", flush=True)
print("imports", file=sys.stderr, flush=True)
import skdr
loaded = {name.split(".")[0] for name in set(sys.modules) - before}
print(sorted(loaded & {"matplotlib", "pandas", "polars", "openvino", "imblearn", "dask"}))
"""
    printed, warned = run(code)
    assert printed.splitlines() == ["imports", "[]"]
    assert warned.splitlines()[-1] == "imports"


def test_every_module_is_imported_where_python_has_only_what_windows_has():
    code = """
import importlib, os, pkgutil, signal, sys
import imblearn.pipeline, keras, matplotlib.pyplot, numpy, PIL.Image, pandas, sklearn, skdr

# What skdr is built on knows of Windows by itself.
for name in [name for name in sys.modules if name.split(".")[0] == "skdr"]:
    del sys.modules[name]
for module in ("crypt", "curses", "fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios"):
    sys.modules[module] = None
for name in ("fork", "getuid", "geteuid", "getpgid", "killpg", "register_at_fork", "uname",
             "sched_getaffinity", "statvfs", "sysconf", "getloadavg", "mkfifo"):
    delattr(os, name)
for name in ("SIGKILL", "SIGUSR1", "SIGALRM", "alarm", "setitimer"):
    delattr(signal, name)

import skdr
modules = [module.name for module in pkgutil.walk_packages(skdr.__path__, "skdr.")]
for name in modules:
    importlib.import_module(name)
print(len(modules))
"""
    assert int(run(code)[0]) > 90


def test_import_changes_no_global_state():
    code = """
import locale, logging, os, random, signal, sys, threading, warnings
import keras, numpy as np, sklearn, PIL.Image, PIL.ImageFile

def state():
    return (
        np.random.get_state()[1].tolist(), random.getstate(), str(warnings.filters),
        np.geterr(), str(np.get_printoptions()), sklearn.get_config(), dict(os.environ),
        keras.config.floatx(), keras.config.image_data_format(), keras.config.dtype_policy().name,
        logging.root.level, len(logging.root.handlers), locale.setlocale(locale.LC_ALL),
        signal.getsignal(signal.SIGINT), sys.excepthook, sys.path[:], os.getcwd(),
        PIL.Image.MAX_IMAGE_PIXELS, PIL.ImageFile.LOAD_TRUNCATED_IMAGES, threading.active_count(),
    )

# What scikit-learn's and SciPy's own modules do on their first import is not ours.
import sklearn.linear_model, sklearn.model_selection, sklearn.svm, sklearn.utils.estimator_checks
before = state()
import skdr, skdr.datasets, skdr.metrics, skdr.model_selection, skdr.preprocessing, skdr.inspection
after = state()
changed = [i for i, (a, b) in enumerate(zip(before, after)) if a != b]
print(changed)
"""
    assert run(code)[0].strip() == "[]"


ROOT = Path(__file__).resolve().parents[1]
# What Python lacks on Windows.
POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}


@pytest.mark.parametrize("folder", ["skdr", "tests"])
def test_modules_can_be_imported_on_windows(folder):
    scripts = {"fuzz_readers.py"}  # run by a test that asks first
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert path.name in scripts or not POSIX_ONLY.intersection(names), path
