import numpy as np
import pytest
from planish.errors import SourceError, UnsupportedError


def test_the_first_pooling_reads_padding_as_zero(apply):
    x = -np.ones((1, 1, 4, 5))
    old = apply("Pooling_v1", x, kernel="(3, 3)", pad="(1, 1)", stride="(2, 2)", pool_type="max")
    np.testing.assert_array_equal(old[0, 0], [[0, 0, 0], [0, -1, 0]])


def test_the_first_pooling_divides_by_the_whole_window(apply):
    found = apply("Pooling_v1", np.ones((1, 1, 4, 5)), kernel="(3, 3)", pad="(1, 1)", stride="(2, 2)", pool_type="avg")
    np.testing.assert_allclose(found[0, 0], np.array([[4, 6, 4], [6, 9, 6]]) / 9, rtol=1e-6)


@pytest.mark.parametrize("bins", [(2, 3), (4, 6), (3, 3), (5, 7)])
def test_adaptive_pooling_of_any_size(apply, rng, bins):
    x = rng.normal(size=(2, 3, 5, 7)).astype(np.float32)
    wanted = np.empty((2, 3, *bins), np.float32)
    for i, j in np.ndindex(*bins):
        rows = slice(i * 5 // bins[0], -(-(i + 1) * 5 // bins[0]))
        columns = slice(j * 7 // bins[1], -(-(j + 1) * 7 // bins[1]))
        wanted[:, :, i, j] = x[:, :, rows, columns].mean((2, 3))
    found = apply("_contrib_AdaptiveAvgPooling2D", x, output_size=bins)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_what_cannot_be_read(apply):
    with pytest.raises(UnsupportedError, match="layout NHWC"):
        apply("Pooling", np.ones((2, 3, 5, 7)), kernel="(2, 2)", layout="NHWC")
    with pytest.raises(SourceError, match="do not fit"):
        apply("Pooling", np.ones((2, 3, 5, 7)), kernel="(2, 2, 2)")
