import numpy as np
import pytest
from planish.errors import SourceError, UnsupportedError

X = np.random.default_rng(6).standard_normal((2, 3, 5, 7), np.float32)


def net(kind, params, *, pooled=False):
    head = 'input: "x" input_shape { dim: 2 dim: 3 dim: 5 dim: 7 }'
    if not pooled:
        return f'{head} layer {{ name: "l" type: "{kind}" bottom: "x" top: "y" {params} }}'
    pool = (
        'layer { name: "p" type: "Pooling" bottom: "x" top: "p" top: "mask" '
        "pooling_param { pool: MAX kernel_size: 2 stride: 2 } }"
    )
    return f'{head} {pool} layer {{ name: "l" type: "{kind}" bottom: "p" bottom: "mask" top: "y" {params} }}'


def unpool(x, size):
    """Pooling 2x2 by 2 with ceiling, then every maximum back to its flat index in a map of `size`."""
    result = np.zeros((*x.shape[:2], size[0] * size[1]), np.float32)
    for n, c in np.ndindex(x.shape[:2]):
        for i in range(0, x.shape[2], 2):
            for j in range(0, x.shape[3], 2):
                window = x[n, c, i : i + 2, j : j + 2]
                a, b = np.unravel_index(window.argmax(), window.shape)
                result[n, c, (i + a) * x.shape[3] + j + b] = window.max()
    return result.reshape(*x.shape[:2], *size)


@pytest.mark.parametrize(
    ("params", "factors", "scale"),
    [
        ("upsample_param { scale: 2 }", (2, 2), 1),
        ("upsample_param { scale_h: 2 scale_w: 3 }", (2, 3), 1),
        ("upsample_param { stride: 2 }", (2, 2), 1),
        ("upsample_param { scale: 0.5 stride: 3 }", (3, 3), 0.5),
    ],
)
def test_one_bottom_repeats_pixels(run_net, params, factors, scale):
    y = run_net(net("Upsample", params), {"x": X})["y"]
    np.testing.assert_allclose(y, X.repeat(factors[0], 2).repeat(factors[1], 3) * np.float32(scale))


def test_darknets_name(run_net):
    y = run_net(net("UpsampleDarknet", "upsample_darknet_param { stride: 2 }"), {"x": X})["y"]
    np.testing.assert_array_equal(y, X.repeat(2, 2).repeat(2, 3))


@pytest.mark.parametrize(
    ("kind", "params", "size"),
    [
        ("Upsample", "upsample_param { upsample_h: 5 upsample_w: 7 }", (5, 7)),
        ("Upsample", "upsample_param { scale: 2 pad_out_h: true pad_out_w: true }", (5, 7)),
        ("Upsample", "", (6, 8)),
        ("MaxUnpool", "unpooling_param { unpool_h: 5 unpool_w: 7 }", (5, 7)),
        ("Unpooling", "unpooling_param { kernel_size: 2 stride: 2 }", (7, 9)),
    ],
)
@pytest.mark.parametrize("batch", [2, 3])
def test_a_mask_unpools(run_net, kind, params, size, batch):
    x = np.random.default_rng(7).standard_normal((batch, 3, 5, 7), np.float32)
    y = run_net(net(kind, params, pooled=True), {"x": x})["y"]
    np.testing.assert_array_equal(y, unpool(x, size))


def test_what_fields_do_not_settle_is_refused(convert_net):
    with pytest.raises(UnsupportedError, match="give scale: N"):
        convert_net(net("Upsample", ""))
    with pytest.raises(SourceError, match="mask as second bottom"):
        convert_net(net("Upsample", "upsample_param { upsample_h: 5 }"))
    with pytest.raises(UnsupportedError, match="second top of the Pooling"):
        convert_net(net("MaxUnpool", "unpooling_param { kernel_size: 2 stride: 2 }"))
    with pytest.raises(UnsupportedError, match="only unpool: MAX"):
        convert_net(net("Unpooling", "unpooling_param { unpool: AVE kernel_size: 2 stride: 2 }", pooled=True))


def test_sizes_out_of_range_are_refused(convert_net):
    with pytest.raises(SourceError, match="1 or more"):
        convert_net(net("Upsample", "upsample_param { scale: 0 }"))
    with pytest.raises(SourceError, match="more than"):
        convert_net(net("Upsample", "upsample_param { scale: 2000000 }"))
    with pytest.raises(SourceError, match="more than"):
        convert_net(net("Upsample", "upsample_param { upsample_h: 200000 upsample_w: 200000 }", pooled=True))
