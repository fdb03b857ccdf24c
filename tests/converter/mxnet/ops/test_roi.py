import numpy as np


def test_regions_of_no_image_are_zero(apply, rng):
    x = rng.uniform(1, 2, (1, 2, 5, 7))
    found = apply(
        "_contrib_ROIAlign", x, np.array([[0, 0, 0, 4, 4], [-1, 0, 0, 4, 4]]), pooled_size="(2, 3)", spatial_scale=1.0
    )
    assert found.shape == (2, 2, 2, 3)
    assert found[0].min() >= 1
    np.testing.assert_array_equal(found[1], 0)
