"""The pictures of the site, drawn from the code of today.

The build calls `draw_missing`; ``python docs/pictures.py`` does the same by hand. None of them is
checked in. A picture is drawn again when skdr, or what draws it, has changed, but with
``SKDR_DOCS_KEEP_PICTURES=1`` those that are there stay.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import diagrams

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
IMAGES = DOCS / "images"
EXAMPLES = ROOT / "examples"
START_PAGE = DOCS / "index.md"
# Examples whose pictures pages show, with options that make them quick.
FROM_EXAMPLES = {
    "fundus_preprocessing": [],
    "recommend_strategy": ["--image-size", "96"],
    "scenarios": [],
}
KEEPS = bool(os.environ.get("SKDR_DOCS_KEEP_PICTURES"))
OUTPUT = re.compile(r"(?<=```output\n).*?(?=```)", re.DOTALL)


def draw_missing(drawn_since=None):
    """Draw the pictures that are not there, or not of today's code.

    Parameters
    ----------
    drawn_since : float, default=None
        Pictures written since that time are new: the gallery has drawn them.
    """
    IMAGES.mkdir(exist_ok=True)
    diagrams.draw_all(IMAGES)
    for name in FROM_EXAMPLES:
        script = EXAMPLES / f"plot_{name}.py"
        command = [str(script), *options_of(name)]
        _draw(f"{name}.png", script.read_bytes(), command, drawn_since)
    snippet = start_snippet()
    _draw("comparison.png", snippet.encode(), ["-c", snippet], drawn_since, says="comparison.txt")


def names():
    """Return the names of all pictures that the build draws."""
    drawn = {f"{name}.png" for name in (*FROM_EXAMPLES, "comparison")}
    return drawn | {f"{name}.svg" for name in diagrams.names()}


def options_of(example):
    """Return what an example is called with, by the build's gallery too."""
    return [*FROM_EXAMPLES[example], "--output", str(IMAGES / f"{example}.png")]


def start_snippet():
    """Return the lines that the start page asks its readers to run."""
    return re.search(r"```python\n(.*?)```", START_PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]


def with_printed_output(source):
    """Return a page with what its snippet printed here, which fits the picture beside it."""
    printed = (IMAGES / "comparison.txt").read_text(encoding="utf-8")
    return OUTPUT.sub(lambda _: printed, source)


def _draw(picture, drawn_by, command, drawn_since, says=None):
    path, stamp = IMAGES / picture, IMAGES / f"{picture}.sha256"
    key = hashlib.sha256(b"".join([drawn_by, repr(command).encode(), *_sources()])).hexdigest()
    is_new = drawn_since is not None and path.exists() and path.stat().st_mtime >= drawn_since
    if not is_new:
        if path.exists() and (KEEPS or (stamp.exists() and stamp.read_text() == key)):
            return
        printed = _run(command)
        if says is not None:
            (IMAGES / says).write_text(printed, encoding="utf-8")
    stamp.write_text(key)


def _run(command):
    """Run Python in an empty folder; what it writes there is a picture too."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": path}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"{command[:2]} draws no picture:\n{done.stderr}")
        for written in Path(folder).glob("*.png"):
            (IMAGES / written.name).write_bytes(written.read_bytes())
    return done.stdout


def _sources():
    """Return the code that a picture may depend on."""
    return [path.read_bytes() for path in sorted((ROOT / "skdr").rglob("*.py"))]


if __name__ == "__main__":
    draw_missing()
