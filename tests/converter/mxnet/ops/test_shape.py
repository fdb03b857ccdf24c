import numpy as np
import pytest
from planish.errors import SourceError


@pytest.mark.parametrize(
    ("codes", "reverse", "wanted"),
    [
        ("(0, -1)", False, (2, 60)),
        ("(-2,)", False, (2, 6, 2, 5)),
        ("(-3, -2)", False, (12, 2, 5)),
        ("(0, -3, 0)", False, (2, 12, 5)),
        ("(0, -4, 3, -1, -2)", False, (2, 3, 2, 2, 5)),
        ("(-4, -1, 1, -2)", False, (2, 1, 6, 2, 5)),
        ("(-1, 0)", True, (24, 5)),
        ("(0, -1, 10)", False, (2, 6, 10)),
    ],
)
def test_every_code(apply, rng, codes, reverse, wanted):
    x = rng.normal(size=(2, 6, 2, 5)).astype(np.float32)
    np.testing.assert_array_equal(apply("Reshape", x, shape=codes, reverse=reverse), x.reshape(wanted))


def test_the_first_releases_target_shape(apply, rng):
    x = rng.normal(size=(2, 6, 5)).astype(np.float32)
    np.testing.assert_array_equal(apply("Reshape", x, target_shape="(2, 0)"), x.reshape(2, 30))


@pytest.mark.parametrize("codes", ["(-1, -1)", "(7, 5)", "(0, 0, 0, 0, 0)", "(-4, 5, -1, -2)", "(-9,)"])
def test_shapes_that_do_not_fit(apply, codes):
    with pytest.raises(SourceError):
        apply("Reshape", np.ones((2, 6, 2, 5)), shape=codes)


def test_part_of_the_axes_like_another(apply, rng):
    x, like = rng.normal(size=(2, 30)).astype(np.float32), np.ones((4, 5, 6), np.float32)
    found = apply("reshape_like", x, like, lhs_begin=1, lhs_end=2, rhs_begin=1, rhs_end=3)
    np.testing.assert_array_equal(found, x.reshape(2, 5, 6))


def test_broadcasting_to_a_shape(apply, rng):
    x = rng.normal(size=(2, 1, 5)).astype(np.float32)
    np.testing.assert_array_equal(apply("broadcast_to", x, shape="(0, 3, 0)"), np.broadcast_to(x, (2, 3, 5)))
