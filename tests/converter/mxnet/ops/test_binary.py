import numpy as np
import pytest
from planish.errors import SourceError


def test_modulo_has_the_divisors_sign(apply):
    a, b = np.array([5, -5, 5, -5, 3, 6], np.float32), np.array([3, 3, -3, -3, 0, 3], np.float32)
    np.testing.assert_array_equal(apply("broadcast_mod", a, b), [2, 1, -1, -2, 0, 0])


def test_comparisons_are_numbers(apply):
    found = apply("broadcast_greater_equal", np.array([[1.0], [2.0]]), np.array([[1.0, 2.0, 3.0]]))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[1, 0, 0], [1, 1, 0]])


def test_without_broadcasting_shapes_must_be_equal(apply):
    with pytest.raises(SourceError, match="which do not fit"):
        apply("elemwise_add", np.ones((2, 3)), np.ones((2, 1)))


@pytest.mark.parametrize("shape", [(2, 3), (2,)])
def test_where_chooses_elements_or_rows(apply, shape, rng):
    condition = rng.integers(0, 2, shape).astype(np.float32)
    x, y = rng.normal(size=(2, 2, 3)).astype(np.float32)
    chosen = condition.reshape(2, -1) != 0
    np.testing.assert_array_equal(apply("where", condition, x, y), np.where(chosen, x, y))
