from dataclasses import replace

import numpy as np
import pytest
from planish.converter.onnx_builder import OnnxBuilder
from planish.converter.priors import anchor_grid, region_anchors
from planish.converter.proposals import ProposalOptions, propose_fixed, propose_rows
from planish.runtime_check.session import Session

CELLS = (5, 7)
ANCHORS = anchor_grid(region_anchors(16, (0.5, 1, 2), (1, 2), floor_area=False), CELLS, 16)
OPTIONS = ProposalOptions(ANCHORS, CELLS, pre_nms=60, post_nms=12, iou_threshold=0.6, min_size=14)


def overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]) + 1, min(a[3], b[3]) - max(a[1], b[1]) + 1
    shared = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
    return shared / (sum(areas) - shared)


def propose_slowly(scores, deltas, image, options: ProposalOptions):
    """One image: kept (score, box), best first."""
    height, width, scale = image
    scores = scores.transpose(1, 2, 0).reshape(-1).copy()
    deltas = deltas.transpose(1, 2, 0).reshape(-1, 4)
    boxes = []
    for index, (anchor, (dx, dy, dw, dh)) in enumerate(zip(options.anchors, deltas, strict=True)):
        w, h = anchor[2] - anchor[0] + 1, anchor[3] - anchor[1] + 1
        shrink = 1 if options.centred else 0
        x = anchor[0] + 0.5 * (w - shrink) + dx * w
        y = anchor[1] + 0.5 * (h - shrink) + dy * h
        half_w, half_h = 0.5 * (np.exp(dw) * w - shrink), 0.5 * (np.exp(dh) * h - shrink)
        box = np.array([x - half_w, y - half_h, x + half_w, y + half_h])
        if options.offsets:
            box = anchor + np.array([dx, dy, dw, dh])
        box = np.clip(box, 0, [width - 1, height - 1, width - 1, height - 1])
        row, column = divmod(index // (len(options.anchors) // 35), 7)
        if options.stride and (row >= int(height / options.stride) or column >= int(width / options.stride)):
            scores[index] = -1
        least = options.min_size * scale
        if box[2] - box[0] + 1 < least or box[3] - box[1] + 1 < least:
            scores[index] = -np.inf if options.small_score is None else options.small_score
            if options.stride:
                box += np.array([-0.5, -0.5, 0.5, 0.5]) * least
        boxes.append(box)
    order = np.argsort(-scores, kind="stable")[: options.pre_nms]
    kept = []
    for index in order:
        free = all(overlap(boxes[index], other) <= options.iou_threshold for _, other in kept)
        if free and scores[index] > -np.inf and len(kept) < options.post_nms:
            kept.append((scores[index], boxes[index]))
    return kept


def sample(images):
    random = np.random.default_rng(8)
    scores = random.uniform(0, 1, (images, 6, *CELLS)).astype(np.float32)
    deltas = random.normal(size=(images, 24, *CELLS)).astype(np.float32) * np.float32(0.3)
    image = np.array([[80, 112, 1.1], [60, 90, 0.9], [72, 100, 1.0]], np.float32)[:images]
    return {"scores": scores, "deltas": deltas, "image": image}


def run(propose, options, feeds):
    builder = OnnxBuilder("proposals")
    for name, value in feeds.items():
        builder.input(name, ["batch", *value.shape[1:]])
    names = propose(builder, "scores", "deltas", "image", options)
    for name in names:
        builder.output(name)
    results = Session(builder.build().to_model()).run(feeds)
    return [results[name] for name in names]


@pytest.mark.parametrize(
    "options", [OPTIONS, replace(OPTIONS, small_score=0.0, pre_nms=0), replace(OPTIONS, post_nms=200)]
)
def test_rows_follow_faster_rcnn(options):
    feeds = sample(1)
    rows, scores = run(propose_rows, options, feeds)
    whole = replace(options, pre_nms=options.candidates)
    kept = propose_slowly(feeds["scores"][0], feeds["deltas"][0], feeds["image"][0], whole)
    assert len(kept) > 5
    assert rows == pytest.approx(np.array([[0, *box] for _, box in kept]), abs=1e-3)
    assert scores[:, 0] == pytest.approx([score for score, _ in kept])


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("post_nms", [4, 150])
@pytest.mark.parametrize("offsets", [False, True])
def test_fixed_rows_follow_mxnet_and_repeat_what_was_found(images, post_nms, offsets):
    options = replace(OPTIONS, post_nms=post_nms, centred=True, small_score=-1.0, stride=16, offsets=offsets)
    feeds = sample(images)
    if offsets:
        feeds["deltas"] *= np.float32(20)
    rows, scores = run(propose_fixed, options, feeds)
    assert rows.shape == (images * post_nms, 5)
    for image in range(images):
        kept = propose_slowly(*(feeds[name][image] for name in feeds), options)
        expected = [kept[i % len(kept)] for i in range(post_nms)]
        mine = slice(image * post_nms, (image + 1) * post_nms)
        assert rows[mine] == pytest.approx(np.array([[image, *box] for _, box in expected]), abs=1e-3)
        assert scores[mine, 0] == pytest.approx([score for score, _ in expected])
