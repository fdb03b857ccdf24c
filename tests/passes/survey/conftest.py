"""A survey of the packaged digits network, made once."""

from pathlib import Path

import pytest
from planish.converter import convert
from planish.passes.calibration import open_calibration
from planish.passes.lowrank import Lowrank
from planish.passes.statistics import Sampling
from planish.passes.survey import survey

DATA = Path(__file__).parents[3] / "models" / "caffe_digits_calib.npz"


@pytest.fixture(scope="session")
def digits():
    """The network."""
    return convert("caffe_digits")


@pytest.fixture(scope="session")
def halves(digits):
    """Batches to fit to, and those held out."""
    return open_calibration(digits, DATA, limit=48).split()


@pytest.fixture(scope="session")
def step(halves):
    """Low rank in two forms."""
    return Lowrank(batches=halves[0], sampling=Sampling(samples=4), forms=("spatial", "gemm"))


@pytest.fixture(scope="session")
def found(digits, halves, step):
    """The survey at one ratio that can be reached and one that cannot."""
    return survey(digits, step, [1.8, 500.0], halves[1].batches(), seconds=0.01)
