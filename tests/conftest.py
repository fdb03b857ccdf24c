"""Fixtures for all tests: seeded numbers, the shared assets, and nets small enough to read."""

import signal
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SHARED = ROOT / ".." / "shared"


@pytest.fixture
def rng(request):
    """A generator seeded from the test's own name."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture
def start_interruptible():
    """Start a process that Ctrl-C reaches even where the tests themselves run in the background, deaf to it."""

    def start(command, **options):
        reset = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **reset, **options)

    return start


@pytest.fixture
def shared():
    """The folder of models and data made by others; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder ../shared with models made by others is not here")
    return SHARED.resolve()
