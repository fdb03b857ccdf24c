"""Fixtures for all tests: seeded numbers, the shared assets, and nets small enough to read."""

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
def shared():
    """The folder of models and data made by others; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder ../shared with models made by others is not here")
    return SHARED.resolve()
