import numpy as np
import pytest

HALVES = np.array([-2.5, -1.5, -0.7, -0.5, 0.0, 0.5, 1.2, 1.5, 2.5], np.float32)


@pytest.mark.parametrize(
    ("op", "wanted"),
    [
        ("round", [-3, -2, -1, -1, 0, 1, 1, 2, 3]),  # halves away from zero
        ("rint", [-3, -2, -1, -1, 0, 0, 1, 1, 2]),  # halves downwards
        ("fix", [-2, -1, 0, 0, 0, 0, 1, 1, 2]),
        ("floor", [-3, -2, -1, -1, 0, 0, 1, 1, 2]),
        ("logical_not", [0, 0, 0, 0, 1, 0, 0, 0, 0]),
    ],
)
def test_rounding(apply, op, wanted):
    np.testing.assert_array_equal(apply(op, HALVES), wanted)


@pytest.mark.parametrize(
    ("op", "function"),
    [("cbrt", np.cbrt), ("expm1", np.expm1), ("log2", np.log2), ("degrees", np.degrees), ("rsqrt", lambda x: x**-0.5)],
)
def test_compositions(apply, rng, op, function):
    x = rng.uniform(0.3, 3, (2, 5)).astype(np.float32)
    np.testing.assert_allclose(apply(op, x), function(x), rtol=1e-5)


def test_smooth_l1(apply):
    x = np.array([-3, -0.1, 0.2, 1], np.float32)
    np.testing.assert_allclose(apply("smooth_l1", x, scalar=2.0), [2.875, 0.02, 0.08, 0.875], rtol=1e-5)
