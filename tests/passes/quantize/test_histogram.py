import numpy as np
import pytest
from planish.errors import DataError
from planish.passes.quantize.histogram import BINS, SAMPLES_PER_IMAGE, Histogram


def test_counts_what_numpy_counts_while_the_reach_grows(rng):
    batches = [rng.standard_normal((2, 3, 5, 7)).astype(np.float32) * factor for factor in (0.1, 30, 2)]
    histogram = Histogram("t")
    for batch in batches:
        histogram.add(batch)
    values = np.concatenate([batch.ravel() for batch in batches])
    width = histogram.centres[1] - histogram.centres[0]
    edges = np.append(histogram.centres - width / 2, histogram.centres[-1] + width / 2)
    expected = np.histogram(values, edges)[0]
    assert histogram.counts.sum() == values.size
    assert np.abs(np.cumsum(histogram.counts) - np.cumsum(expected)).max() <= 2  # values on an edge
    assert (histogram.low, histogram.high) == (values.min(), values.max())


def test_memory_does_not_grow_with_the_data(rng):
    histogram = Histogram("t")
    for _ in range(5):
        histogram.add(rng.standard_normal((1, 3, 200, 333)).astype(np.float32))
    assert histogram.counts.shape == (BINS,)
    assert histogram.counts.sum() <= 5 * 2 * SAMPLES_PER_IMAGE


def test_merging_adds(rng):
    one, other = Histogram("a"), Histogram("b")
    one.add(rng.standard_normal((2, 35)).astype(np.float32))
    other.add(100 * rng.standard_normal((2, 21)).astype(np.float32))
    merged = one.merged(other)
    assert merged.counts.sum() == 2 * (35 + 21)
    assert merged.high == max(one.high, other.high)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_names_the_tensor_that_is_not_finite(broken):
    values = np.ones((2, 3), np.float32)
    values[1, 2] = broken
    with pytest.raises(DataError, match="conv7"):
        Histogram("conv7").add(values)
