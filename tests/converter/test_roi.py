import numpy as np
import pytest
from planish.converter import roi
from planish.converter.onnx_builder import OnnxBuilder
from planish.errors import UnsupportedError
from planish.runtime_check.session import Session


def c_round(value):
    return np.sign(value) * np.floor(abs(value) + 0.5)


def regions(images, count, width, height, seed=2):
    random = np.random.default_rng(seed)
    low = random.uniform(-4, 0.8, (count, 2)) * [width, height] * 0.25 + 1
    far = low + random.uniform(-0.1, 1, (count, 2)) * [width, height]
    halves = np.array([[0, 2.5, 3.5, 12.5, 20.5], [0, 1, 1, 1, 1], [images - 1, 60, 70, 90, 99]])
    made = np.concatenate([random.integers(0, images, (count, 1)), low, far], 1)
    return np.concatenate([made, halves]).astype(np.float32)


def sample(*shape):
    return np.random.default_rng(9).normal(size=shape).astype(np.float32)


def run(emit, data, rois, opset=17):
    builder = OnnxBuilder("roi", opset)
    builder.input("x", ["batch", *data.shape[1:]])
    builder.input("rois", ["regions", 5])
    name = emit(builder)
    builder.output(name)
    return Session(builder.build().to_model()).run({"x": data, "rois": rois})[name]


def max_pool_slowly(data, rois, pooled, scale):
    ph, pw = pooled
    height, width = data.shape[2:]
    result = np.zeros((len(rois), data.shape[1], ph, pw), np.float32)
    for r, row in enumerate(rois):
        x1, y1, x2, y2 = (int(c_round(v)) for v in row[1:] * np.float32(scale))
        bin_h, bin_w = (
            np.float32(max(y2 - y1 + 1, 1)) / np.float32(ph),
            np.float32(max(x2 - x1 + 1, 1)) / np.float32(pw),
        )
        for i, j in np.ndindex(ph, pw):
            top, bottom = np.clip([int(np.floor(i * bin_h)) + y1, int(np.ceil((i + 1) * bin_h)) + y1], 0, height)
            left, right = np.clip([int(np.floor(j * bin_w)) + x1, int(np.ceil((j + 1) * bin_w)) + x1], 0, width)
            if bottom > top and right > left:
                result[r, :, i, j] = data[int(row[0]), :, top:bottom, left:right].max((1, 2))
    return result


@pytest.mark.parametrize("pooled", [(3, 4), (7, 7)])
@pytest.mark.parametrize("images", [1, 2])
def test_max_pool_follows_fast_rcnn(pooled, images):
    data, rois = sample(images, 3, 11, 9), regions(images, 12, 36, 44)
    result = run(lambda b: roi.roi_max_pool(b, "x", "rois", pooled, scale=0.25), data, rois)
    assert result == pytest.approx(max_pool_slowly(data, rois, pooled, 0.25))


def position_sensitive_slowly(data, rois, outputs, group, pooled, scale):
    height, width = data.shape[2:]
    scale = np.float32(scale)
    maps = data.reshape(len(data), outputs, group, group, height, width)
    result = np.zeros((len(rois), outputs, pooled, pooled), np.float32)
    for r, row in enumerate(rois):
        start_x, start_y = c_round(row[1]) * scale, c_round(row[2]) * scale
        end_x, end_y = (c_round(row[3]) + 1) * scale, (c_round(row[4]) + 1) * scale
        bin_w = np.float32(max(end_x - start_x, 0.1)) / np.float32(pooled)
        bin_h = np.float32(max(end_y - start_y, 0.1)) / np.float32(pooled)
        for i, j in np.ndindex(pooled, pooled):
            top, bottom = np.clip([np.floor(i * bin_h + start_y), np.ceil((i + 1) * bin_h + start_y)], 0, height)
            left, right = np.clip([np.floor(j * bin_w + start_x), np.ceil((j + 1) * bin_w + start_x)], 0, width)
            if bottom > top and right > left:
                place = maps[int(row[0]), :, i * group // pooled, j * group // pooled]
                result[r, :, i, j] = place[:, int(top) : int(bottom), int(left) : int(right)].mean((1, 2))
    return result


@pytest.mark.parametrize(("group", "pooled"), [(3, 3), (7, 7), (3, 6), (2, 5)])
@pytest.mark.parametrize("images", [1, 2])
def test_position_sensitive_pool_follows_rfcn(group, pooled, images):
    data, rois = sample(images, 4 * group * group, 11, 9), regions(images, 12, 36, 44)
    maps = roi.ScoreMaps(4, group, 11, 9)
    result = run(lambda b: roi.position_sensitive_pool(b, "x", "rois", maps, pooled=pooled, scale=0.25), data, rois)
    assert result == pytest.approx(position_sensitive_slowly(data, rois, 4, group, pooled, 0.25), abs=1e-5)


def interpolate(plane, y, x):
    height, width = plane.shape[-2:]
    if y < -1 or y > height or x < -1 or x > width:
        return np.zeros(plane.shape[0])
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    upper = plane[:, top, left] * (1 - dx) + plane[:, top, right] * dx
    lower = plane[:, bottom, left] * (1 - dx) + plane[:, bottom, right] * dx
    return upper * (1 - dy) + lower * dy


def align_slowly(data, rois, pooled, scale, samples, aligned):
    result = np.zeros((len(rois), data.shape[1], *pooled))
    for r, row in enumerate(rois.astype(np.float64)):
        x1, y1, x2, y2 = row[1:] * scale - (0.5 if aligned else 0)
        width, height = (x2 - x1, y2 - y1) if aligned else (max(x2 - x1, 1), max(y2 - y1, 1))
        bin_h, bin_w = height / pooled[0], width / pooled[1]
        grid_h, grid_w = samples or int(np.ceil(bin_h)), samples or int(np.ceil(bin_w))
        for i, j in np.ndindex(*pooled):
            values = [
                interpolate(
                    data[int(row[0])], y1 + (i + (a + 0.5) / grid_h) * bin_h, x1 + (j + (b + 0.5) / grid_w) * bin_w
                )
                for a, b in np.ndindex(grid_h, grid_w)
            ]
            result[r, :, i, j] = np.mean(values, axis=0)
    return result


@pytest.mark.parametrize("samples", [2, 0])
@pytest.mark.parametrize("aligned", [False, True])
def test_align_follows_mask_rcnn(samples, aligned):
    data, rois = sample(2, 3, 11, 9), regions(2, 8, 36, 44)
    rois[:, 3:] = np.maximum(rois[:, 3:], rois[:, 1:3] + 2)  # aligned regions must have an area
    result = run(
        lambda b: roi.roi_align(b, "x", "rois", (3, 2), scale=0.25, samples=samples, aligned=aligned), data, rois
    )
    assert result == pytest.approx(align_slowly(data, rois, (3, 2), 0.25, samples, aligned), abs=1e-4)


def test_align_before_opset_16_knows_only_the_first_definition():
    data, rois = sample(1, 2, 7, 9), regions(1, 3, 36, 28)

    def align(aligned):
        return run(
            lambda b: roi.roi_align(b, "x", "rois", (2, 2), scale=0.25, samples=2, aligned=aligned), data, rois, 15
        )

    assert align(False) == pytest.approx(align_slowly(data, rois, (2, 2), 0.25, 2, False), abs=1e-4)
    with pytest.raises(UnsupportedError, match="from opset 16 on"):
        align(True)


def test_each_bin_takes_its_own_channel():
    data = sample(5, 4 * 6, 2, 3)
    builder = OnnxBuilder("roi")
    builder.input("x", ["regions", 24, 2, 3])
    builder.output(roi.select_places(builder, "x", 4, (2, 3), "y"))
    result = Session(builder.build().to_model()).run({"x": data})["y"]
    maps = data.reshape(5, 4, 2, 3, 2, 3)
    for i, j in np.ndindex(2, 3):
        assert result[:, :, i, j] == pytest.approx(maps[:, :, i, j, i, j])
