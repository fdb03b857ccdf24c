import numpy as np
import pytest


@pytest.mark.parametrize(
    ("op", "function"),
    [
        ("_minus_scalar", lambda x: x - 3),
        ("_rminus_scalar", lambda x: 3 - x),
        ("_rdiv_scalar", lambda x: 3 / x),
        ("_rpower_scalar", lambda x: 3**x),
        ("_rmod_scalar", lambda x: 3 % x),
        ("_maximum_scalar", lambda x: np.maximum(x, 3)),
        ("_lesser_equal_scalar", lambda x: x <= 3),
    ],
)
def test_the_number_stands_left_or_right(apply, op, function):
    x = np.array([0.5, 2, 3, 4.5], np.float32)
    np.testing.assert_allclose(apply(op, x, scalar=3), function(x), rtol=1e-6)
