import numpy as np
import pytest
from planish.converter.priors import (
    PriorOptions,
    all_aspect_ratios,
    anchor_grid,
    multibox_priors,
    region_anchors,
    ssd_priors,
)


def test_aspect_ratios_are_listed_once_and_flipped():
    assert all_aspect_ratios([2, 3], flip=True) == (2, 0.5, 3, pytest.approx(1 / 3))
    assert all_aspect_ratios([2, 1, 2], flip=False) == (2,)
    assert all_aspect_ratios([2, 0.5], flip=True) == (2, 0.5)


def ssd_slowly(options: PriorOptions, cells, image):
    rows = []
    step_y, step_x = options.step if all(options.step) else (image[0] / cells[0], image[1] / cells[1])
    for h, w in np.ndindex(*cells):
        x, y = (w + options.offset) * step_x, (h + options.offset) * step_y
        for k, size in enumerate(options.min_sizes):
            shapes = [(int(size), int(size))]
            base = int(size)
            if options.max_sizes:
                shapes.append(((int(size) * int(options.max_sizes[k])) ** 0.5,) * 2)
            shapes += [(base * r**0.5, base / r**0.5) for r in options.aspect_ratios]
            rows += [
                [(x - a / 2) / image[1], (y - b / 2) / image[0], (x + a / 2) / image[1], (y + b / 2) / image[0]]
                for a, b in shapes
            ]
    return np.clip(rows, 0, 1) if options.clip else np.array(rows)


@pytest.mark.parametrize(
    "options",
    [
        PriorOptions((10,)),
        PriorOptions((10, 16.9), (20, 30.5), (2, 0.5, 3, 1 / 3)),
        PriorOptions((10,), (), (2,), clip=True),
        PriorOptions((10,), (20,), (2,), step=(8, 9.5), offset=0.25),
    ],
)
def test_ssd_priors_follow_caffe(options):
    assert ssd_priors(options, (3, 5), (60, 72)) == pytest.approx(ssd_slowly(options, (3, 5), (60, 72)), abs=1e-6)


@pytest.mark.parametrize("steps", [(-1, -1), (0.25, 0.3)])
@pytest.mark.parametrize("clip", [False, True])
def test_multibox_priors_follow_mxnet(steps, clip):
    sizes, ratios, offsets = (0.2, 0.3), (1, 2, 0.5), (0.5, 0.25)
    rows = []
    for h, w in np.ndindex(3, 5):
        y = (h + offsets[0]) * (steps[0] if steps[0] > 0 else 1 / 3)
        x = (w + offsets[1]) * (steps[1] if steps[1] > 0 else 1 / 5)
        shapes = [(s * 3 / 5 / 2, s / 2) for s in sizes]
        shapes += [(sizes[0] * 3 / 5 * r**0.5 / 2, sizes[0] / r**0.5 / 2) for r in ratios[1:]]
        rows += [[x - a, y - b, x + a, y + b] for a, b in shapes]
    expected = np.clip(rows, 0, 1) if clip else np.array(rows)
    result = multibox_priors((3, 5), sizes, ratios, steps=steps, offsets=offsets, clip=clip)
    assert result == pytest.approx(expected, abs=1e-6)


def test_region_anchors_are_those_of_faster_rcnn():
    anchors = region_anchors(16, (0.5, 1, 2), (8, 16, 32), floor_area=False, half_even=True)
    assert anchors.tolist() == [
        [-84, -40, 99, 55],
        [-176, -88, 191, 103],
        [-360, -184, 375, 199],
        [-56, -56, 71, 71],
        [-120, -120, 135, 135],
        [-248, -248, 263, 263],
        [-36, -80, 51, 95],
        [-80, -168, 95, 183],
        [-168, -344, 183, 359],
    ]


def test_anchor_grid_runs_by_row_column_anchor():
    grid = anchor_grid(np.array([[0, 0, 3, 3], [1, 1, 2, 2]], np.float32), (2, 3), 4)
    assert grid.shape == (12, 4)
    assert grid[2].tolist() == [4, 0, 7, 3]
    assert grid[7].tolist() == [1, 5, 2, 6]


@pytest.mark.parametrize("ratios", [(-1.0,), (0.0, 1.0), (float("nan"),), (1e-300,), ()])
def test_anchors_of_no_shape_are_refused(ratios):
    with pytest.raises(ValueError, match="ratios are above 0"):
        region_anchors(16, ratios, (8.0,), floor_area=True)
