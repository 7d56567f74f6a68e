"""Damaged files are read or refused; a short run of ``tests/fuzz_readers.py``."""

import subprocess
import sys
from pathlib import Path

import pytest


def test_readers_survive_damaged_files(tmp_path):
    pytest.importorskip("resource", reason="memory is bounded as POSIX has it")
    script = Path(__file__).with_name("fuzz_readers.py")
    done = subprocess.run(
        [sys.executable, script, "--n", "2000"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2000 inputs" in done.stdout
