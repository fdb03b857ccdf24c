import numpy as np
import pytest
from planish.converter.box_nms import BoxNmsOptions, box_nms
from planish.converter.onnx_builder import OnnxBuilder
from planish.runtime_check.session import Session


def area(box):
    width, height = box[2] - box[0], box[3] - box[1]
    return 0.0 if width < 0 or height < 0 else width * height


def overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    total = area(a) + area(b) - shared
    return shared / total if total > 0 else 0.0


def sample_boxes(random, images, count):
    low = random.uniform(0, 0.6, (images, count, 2))
    return np.concatenate([low, low + random.uniform(0.05, 0.5, (images, count, 2))], -1).astype(np.float32)


def to_corners(box):
    x, y, w, h = box
    return np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])


def to_centre(box):
    return np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]])


def box_nms_slowly(data, options: BoxNmsOptions):
    result = np.full_like(data, -1)
    place = slice(options.first_coordinate, options.first_coordinate + 4)
    for out, candidates in zip(result, data, strict=True):
        rows = [row for row in candidates if row[options.score_column] > options.score_threshold]
        if options.background >= 0 <= options.label_column:
            rows = list(filter(lambda row: row[options.label_column] != options.background, rows))
        rows.sort(key=lambda row: -row[options.score_column])
        kept = []
        for row in rows[: None if options.top_k < 0 else options.top_k]:
            for other in kept:
                same = options.label_column < 0 or int(row[options.label_column]) == int(other[options.label_column])
                pair = [to_corners(r[place]) if options.centres_in else r[place] for r in (row, other)]
                if (options.force_suppress or same) and overlap(*pair) > options.iou_threshold:
                    break
            else:
                kept.append(row)
        if kept:
            out[: len(kept)] = kept
        for row in out:
            if options.centres_in != options.centres_out and row[place][0] >= 0:
                row[place] = to_centre(row[place]) if options.centres_out else to_corners(row[place])
    return result


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize(
    "kept",
    [
        {"label_column": 0},
        {},
        {"label_column": 0, "force_suppress": True},
        {"label_column": 0, "background": 1},
        {"label_column": 0, "score_threshold": 0.6},
        {"label_column": 0, "top_k": 5},
        {"score_threshold": 2.0},
        {"label_column": 0, "centres_in": True},
        {"label_column": 0, "centres_in": True, "centres_out": True},
        {"label_column": 0, "centres_out": True, "top_k": 7},
        {"label_column": 6, "score_column": 5, "first_coordinate": 1, "centres_out": True},
    ],
    ids=str,
)
def test_box_nms_equals_mxnets_loops(images, kept):
    random = np.random.default_rng(len(str(kept)))
    options = BoxNmsOptions(candidates=19, width=7, **kept)
    data = random.uniform(0, 1, (images, 19, 7)).astype(np.float32)
    start = options.first_coordinate
    data[:, :, start : start + 4] = sample_boxes(random, images, 19) - np.float32(0.1)
    if options.label_column >= 0:
        data[:, :, options.label_column] = random.integers(-1, 3, (images, 19))
    builder = OnnxBuilder("box_nms")
    builder.input("x", ["batch", 19, 7])
    builder.output(box_nms(builder, "x", options, "y"))
    result = Session(builder.build().to_model()).run({"x": data})["y"]
    assert result == pytest.approx(box_nms_slowly(data, options), abs=1e-6)
