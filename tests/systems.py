"""What some systems lack."""

import signal

import pytest

can_kill = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="no process is killed by a signal here"
)
