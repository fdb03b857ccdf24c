import numpy as np
import pytest
from planish.passes.quantize.grid import activation_grid
from planish.passes.quantize.histogram import Histogram
from planish.passes.quantize.ranges import choose_range


@pytest.fixture
def relu(rng):
    values = np.maximum(rng.standard_normal((8, 4000)), 0).astype(np.float32)
    values[3, 17] = 40
    histogram = Histogram("relu")
    for row in values:
        histogram.add(row[None])
    return values, histogram


def _error(values, ends, bits=8):
    grid = activation_grid(*ends, bits=bits)
    integers = np.clip(np.rint(values / grid.scale) + grid.zero_point, grid.lowest, grid.highest)
    return np.square((integers - grid.zero_point) * grid.scale - values).mean()


def test_minmax_is_exact(relu):
    values, histogram = relu
    assert choose_range(histogram, "minmax") == (values.min(), values.max())


def test_mse_is_within_a_tenth_of_the_best_of_all_thresholds(relu):
    values, histogram = relu
    for bits in (4, 6, 8):
        best = min(_error(values, (0, high), bits) for high in np.linspace(1, 40, 400))
        assert _error(values, choose_range(histogram, "mse", bits=bits), bits) <= 1.1 * best


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_others_cut_the_outlier_and_keep_the_rest(relu, method):
    _, histogram = relu
    low, high = choose_range(histogram, method)
    assert low == 0
    assert 2 < high < 20


def test_average_lies_between_the_batches(relu):
    _, histogram = relu
    assert 3 < choose_range(histogram, "average")[1] < 40


def test_mse_cuts_both_ends(rng):
    values = rng.standard_normal((5, 2000)).astype(np.float32)
    values[0, :2] = (-50, 70)
    histogram = Histogram("signed")
    histogram.add(values)
    low, high = choose_range(histogram, "mse", bits=4)
    assert -25 < low < -2
    assert 2 < high < 35


def test_nothing_seen_gives_an_empty_range():
    assert choose_range(Histogram("t"), "mse") == (0.0, 0.0)


def test_centred_pixels_are_not_all_rounded_by_half_a_step(rng):
    """Less 127.5, all 256 values lie half-way between the steps of their own range."""
    pixels = (rng.integers(0, 256, (5, 2000)).astype(np.float32) - 127.5) / 127.5
    histogram = Histogram("x")
    histogram.add(pixels)
    own = _error(pixels, choose_range(histogram, "minmax"))
    assert _error(pixels, choose_range(histogram, "mse")) < 0.45 * own
