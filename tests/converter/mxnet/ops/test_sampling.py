import numpy as np
import pytest


def read(x, y_place, x_place, *, blend):
    """A cell of (C, H, W) at a broken place: zeros beyond the border, or the border itself within the map."""
    _, height, width = x.shape
    if not blend and not (0 <= y_place < height and 0 <= x_place < width):
        return np.zeros(len(x))
    if not blend:
        y_place, x_place = min(y_place, height - 1), min(x_place, width - 1)
    y, left = int(np.floor(y_place)), int(np.floor(x_place))
    total = np.zeros(len(x))
    for row, column in ((y, left), (y, left + 1), (y + 1, left), (y + 1, left + 1)):
        if 0 <= row < height and 0 <= column < width:
            total += x[:, row, column] * max(0, 1 - abs(y_place - row)) * max(0, 1 - abs(x_place - column))
    return total


@pytest.mark.parametrize("modulated", [False, True])
@pytest.mark.parametrize("opset", [16, 20])
def test_deformable_convolution(apply, rng, modulated, opset):
    x, offset = rng.normal(size=(1, 3, 5, 6)), rng.normal(size=(1, 18, 5, 6)) * 1.5
    mask = rng.uniform(size=(1, 9, 5, 6))
    weight, bias = rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4)
    wanted = np.empty((1, 4, 5, 6))
    for i, j in np.ndindex(5, 6):
        cells = np.empty((3, 3, 3))
        for k, (a, b) in enumerate(np.ndindex(3, 3)):
            place = (i - 1 + a + offset[0, 2 * k, i, j], j - 1 + b + offset[0, 2 * k + 1, i, j])
            cells[:, a, b] = read(x[0], *place, blend=modulated) * (mask[0, k, i, j] if modulated else 1)
        wanted[0, :, i, j] = (weight * cells).sum((1, 2, 3)) + bias
    op = "_contrib_ModulatedDeformableConvolution" if modulated else "_contrib_DeformableConvolution"
    inputs = (x, offset, mask) if modulated else (x, offset)
    found = apply(op, *inputs, weights=(weight, bias), kernel="(3, 3)", pad="(1, 1)", num_filter=4, opset=opset)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_the_identity_map_leaves_the_data_alone(apply, rng):
    x, theta = rng.normal(size=(2, 3, 5, 7)), np.tile([1.0, 0, 0, 0, 1, 0], (2, 1))
    kinds = {"transform_type": "affine", "sampler_type": "bilinear"}
    found = apply("SpatialTransformer", x, theta, target_shape="(5, 7)", **kinds)
    np.testing.assert_allclose(found, x, rtol=1e-4, atol=1e-5)
