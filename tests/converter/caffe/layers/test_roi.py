import numpy as np
import pytest
from planish.errors import SourceError, UnsupportedError

RANDOM = np.random.default_rng(10)
X = RANDOM.standard_normal((2, 18, 11, 9), np.float32)
ROIS = np.array([[0, 2, 3, 20, 30], [1, 2.5, 0, 34, 40], [1, 30, 35, 90, 99], [0, 5, 5, 5, 5]], np.float32)


def net(kind, params, rois=(4, 5), channels=18):
    dims = " ".join(f"dim: {size}" for size in rois)
    return (
        f'input: "x" input_shape {{ dim: 2 dim: {channels} dim: 11 dim: 9 }} input: "rois" input_shape {{ {dims} }} '
        f'layer {{ name: "l" type: "{kind}" bottom: "x" bottom: "rois" top: "y" {params} }}'
    )


def c_round(value):
    return int(np.sign(value) * np.floor(abs(value) + 0.5))


def clip(pair, size):
    return np.clip([int(np.floor(pair[0])), int(np.ceil(pair[1]))], 0, size)


def roi_pool(row, ph, pw, scale):
    x1, y1, x2, y2 = (c_round(value * scale) for value in row[1:])
    tall, wide = max(y2 - y1 + 1, 1) / ph, max(x2 - x1 + 1, 1) / pw
    made = np.zeros((18, ph, pw), np.float32)
    for i, j in np.ndindex(ph, pw):
        (top, bottom), (left, right) = (
            clip((i * tall + y1, (i + 1) * tall + y1), 11),
            clip((j * wide + x1, (j + 1) * wide + x1), 9),
        )
        if bottom > top and right > left:
            made[:, i, j] = X[int(row[0]), :, top:bottom, left:right].max((1, 2))
    return made


@pytest.mark.parametrize("rois", [(4, 5), (4, 5, 1, 1)])
def test_roi_pooling(run_net, rois):
    params = "roi_pooling_param { pooled_h: 3 pooled_w: 2 spatial_scale: 0.25 }"
    y = run_net(net("ROIPooling", params, rois), {"x": X, "rois": ROIS.reshape(rois)})["y"]
    np.testing.assert_allclose(y, [roi_pool(row, 3, 2, 0.25) for row in ROIS])


def test_psroi_pooling(run_net):
    params = "psroi_pooling_param { output_dim: 2 group_size: 3 spatial_scale: 0.25 }"
    y = run_net(net("PSROIPooling", params), {"x": X, "rois": ROIS})["y"]
    maps = X.reshape(2, 2, 3, 3, 11, 9)
    for r, row in enumerate(ROIS):
        x1, y1 = c_round(row[1]) * 0.25, c_round(row[2]) * 0.25
        wide = max((c_round(row[3]) + 1) * 0.25 - x1, 0.1) / 3
        tall = max((c_round(row[4]) + 1) * 0.25 - y1, 0.1) / 3
        for i, j in np.ndindex(3, 3):
            (top, bottom), (left, right) = (
                clip((i * tall + y1, (i + 1) * tall + y1), 11),
                clip((j * wide + x1, (j + 1) * wide + x1), 9),
            )
            empty = bottom <= top or right <= left
            place = maps[int(row[0]), :, i, j, top:bottom, left:right]
            expected = np.zeros(2) if empty else place.mean((1, 2))
            np.testing.assert_allclose(y[r, :, i, j], expected, rtol=1e-4, atol=1e-5)


def test_roi_align_averages_samples(run_net):
    x = np.broadcast_to(np.arange(9, dtype=np.float32), (2, 18, 11, 9))
    params = "roi_align_param { pooled_h: 2 pooled_w: 2 spatial_scale: 0.25 sampling_ratio: 2 }"
    y = run_net(net("ROIAlign", params), {"x": x, "rois": ROIS[:1]}, input_shapes={"rois": (1, 5)})["y"]
    # On a map that is its own column number the average of a bin's samples is the bin's centre.
    np.testing.assert_allclose(y[0, 0, 0], [0.5 + 1.125, 0.5 + 3.375], rtol=1e-5)


def test_position_sensitive_roi_align(run_net):
    params = "pooled_h: 3 pooled_w: 3 spatial_scale: 0.25 sampling_ratio: 2"
    whole = run_net(net("ROIAlign", f"roi_align_param {{ {params} }}"), {"x": X, "rois": ROIS})["y"]
    own = run_net(net("ROIAlign", f"roi_align_param {{ {params} position_sensitive: true }}"), {"x": X, "rois": ROIS})[
        "y"
    ]
    maps = whole.reshape(4, 2, 3, 3, 3, 3)
    for i, j in np.ndindex(3, 3):
        np.testing.assert_allclose(own[:, :, i, j], maps[:, :, i, j, i, j], rtol=1e-5, atol=1e-6)


def test_roi_align_of_an_unknown_fork_is_refused(convert_net):
    with pytest.raises(UnsupportedError, match="write sampling_ratio: -1"):
        convert_net(net("ROIAlign", "roi_align_param { pooled_h: 2 pooled_w: 2 }"))


@pytest.mark.parametrize(
    ("kind", "params", "rois"),
    [
        ("ROIPooling", "roi_pooling_param { pooled_h: 3 }", (4, 5)),
        ("ROIPooling", "roi_pooling_param { pooled_h: 3 pooled_w: 3 }", (4, 4)),
        ("PSROIPooling", "psroi_pooling_param { output_dim: 3 group_size: 3 }", (4, 5)),
    ],
)
def test_options_that_do_not_fit_are_refused(convert_net, kind, params, rois):
    with pytest.raises(SourceError):
        convert_net(net(kind, params, rois))
