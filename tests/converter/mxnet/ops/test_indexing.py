import numpy as np
import pytest


@pytest.mark.parametrize(("mode", "wanted"), [("clip", [0, 2, 4, 4]), ("wrap", [4, 2, 4, 2])])
def test_take_beyond_the_ends(apply, mode, wanted):
    table = np.arange(5.0)[:, None] + [0, 10]
    found = apply("take", table, np.array([-1, 2, 4, 7]), mode=mode)
    np.testing.assert_array_equal(found, table[wanted])


def test_one_hot_leaves_strange_indices_out(apply):
    found = apply("one_hot", np.array([1, -1, 5]), depth=3, on_value=2, off_value=-1)
    np.testing.assert_array_equal(found, [[-1, 2, -1], [-1, -1, -1], [-1, -1, -1]])


def test_pick(apply, rng):
    x, index = rng.normal(size=(2, 5)).astype(np.float32), np.array([3, 9])
    np.testing.assert_array_equal(apply("pick", x, index, axis=1), x[[0, 1], [3, 4]])


def test_gather_nd(apply, rng):
    x = rng.normal(size=(4, 5, 3)).astype(np.float32)
    found = apply("gather_nd", x, np.array([[0, 3], [4, 2]]))
    np.testing.assert_array_equal(found, x[[0, 3], [4, 2]])
