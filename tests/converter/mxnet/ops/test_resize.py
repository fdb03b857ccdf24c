import numpy as np
import pytest


@pytest.mark.parametrize("align", [True, False])
def test_one_cell_is_the_first(apply, rng, align):
    x = rng.normal(size=(1, 2, 5, 7)).astype(np.float32)
    found = apply("_contrib_BilinearResize2D", x, height=1, width=7, align_corners=align)
    np.testing.assert_allclose(found, x[:, :, :1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"mode": "to_even_down"}, (4, 6)),
        ({"mode": "to_odd_up"}, (5, 7)),
        ({"mode": "odd_scale", "scale_height": 2, "scale_width": 3}, (9, 19)),
        ({"scale_height": 1.5, "scale_width": 0.5}, (7, 3)),
        ({"height": 9, "width": 2}, (9, 2)),
    ],
)
def test_sizes_of_every_mode(apply, options, size):
    assert apply("_contrib_BilinearResize2D", np.ones((1, 2, 5, 7)), **options).shape == (1, 2, *size)


def test_nearest_inputs_of_several_sizes(apply, rng):
    large, small = rng.normal(size=(1, 2, 4, 6)).astype("f4"), rng.normal(size=(1, 3, 2, 3)).astype("f4")
    found = apply("UpSampling", large, small, scale=2, sample_type="nearest", num_args=2)
    wanted = [large.repeat(2, 2).repeat(2, 3), small.repeat(4, 2).repeat(4, 3)]
    np.testing.assert_array_equal(found, np.concatenate(wanted, 1))
