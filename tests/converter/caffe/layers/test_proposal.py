import numpy as np
import pytest
from planish.errors import SourceError, UnsupportedError

RANDOM = np.random.default_rng(11)
HEAD = (
    'input: "scores" input_shape {{ dim: {n} dim: 12 dim: 4 dim: 5 }} '
    'input: "deltas" input_shape {{ dim: {n} dim: 24 dim: 4 dim: 5 }} '
    'input: "image" input_shape {{ dim: {n} dim: 3 }} '
)
LAYER = 'layer {{ name: "l" type: "{}" bottom: "scores" bottom: "deltas" bottom: "image" top: "rois" top: "s" {} }}'
PARAMS = (
    "feat_stride: 16 base_size: 16 min_size: 20 ratio: 0.5 ratio: 1 ratio: 2 scale: 1 scale: 2 "
    "pre_nms_topn: 60 post_nms_topn: 10 nms_thresh: 0.5"
)


def feeds():
    return {
        "scores": RANDOM.uniform(0, 1, (1, 12, 4, 5)).astype(np.float32),
        "deltas": (RANDOM.standard_normal((1, 24, 4, 5)) * 0.3).astype(np.float32),
        "image": np.array([[64, 80, 1.2]], np.float32),
    }


def overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]) + 1, min(a[3], b[3]) - max(a[1], b[1]) + 1
    shared = max(width, 0) * max(height, 0)
    return shared / (sum((box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)) - shared)


def propose(given, *, drop_small, rounding, limits, least, threshold, scales):
    """The loops of proposal_layer.cpp and proposal_layer.py."""
    candidates = []
    for h, w in np.ndindex(4, 5):
        k = 0
        for ratio in (0.5, 1, 2):
            wide = rounding(np.sqrt(256 / ratio))
            high = rounding(wide * ratio)
            for scale in scales:
                d = given["deltas"][0, 4 * k : 4 * k + 4, h, w]
                width, height = wide * scale, high * scale
                left, top = 7.5 - 0.5 * (width - 1) + 16 * w, 7.5 - 0.5 * (height - 1) + 16 * h
                x, y = d[0] * width + left + 0.5 * width, d[1] * height + top + 0.5 * height
                half_w, half_h = 0.5 * np.exp(d[2]) * width, 0.5 * np.exp(d[3]) * height
                box = np.clip([x - half_w, y - half_h, x + half_w, y + half_h], 0, [79, 63, 79, 63])
                scale_h, scale_w = given["image"][0, 2], given["image"][0, -1]
                small = box[2] - box[0] + 1 < least * scale_w or box[3] - box[1] + 1 < least * scale_h
                score = given["scores"][0, 6 + k, h, w] * (0 if small else 1)
                if not (small and drop_small):
                    candidates.append((score, box))
                k += 1
    candidates.sort(key=lambda pair: -pair[0])
    kept = []
    for score, box in candidates[: limits[0]]:
        if len(kept) < limits[1] and all(overlap(box, other) <= threshold for _, other in kept):
            kept.append((score, box))
    return kept


def half_up(value):
    return int(value + 0.5)


def test_proposal_follows_its_loops(run_net):
    given = feeds()
    made = run_net(HEAD.format(n=1) + LAYER.format("Proposal", f"proposal_param {{ {PARAMS} }}"), given)
    kept = propose(given, drop_small=False, rounding=half_up, limits=(60, 10), least=20, threshold=0.5, scales=(1, 2))
    np.testing.assert_allclose(made["rois"], [[0, *box] for _, box in kept], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(made["s"][:, 0], [score for score, _ in kept], rtol=1e-5)


@pytest.mark.parametrize(
    "settings",
    ["'feat_stride': 16\\n'scales': [1, 2]", "feat_stride: 16\\nscales: !!python/tuple [1, 2]", "{'scales': (1, 2)}"],
)
def test_python_layer_of_faster_rcnn(run_net, settings):
    given = feeds()
    params = f'python_param {{ module: "rpn.proposal_layer" layer: "ProposalLayer" param_str: "{settings}" }}'
    made = run_net(HEAD.format(n=1) + LAYER.format("Python", params), given)
    kept = propose(
        given, drop_small=True, rounding=np.round, limits=(6000, 300), least=16, threshold=0.7, scales=(1, 2)
    )
    np.testing.assert_allclose(made["rois"], [[0, *box] for _, box in kept], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(made["s"][:, 0], [score for score, _ in kept], rtol=1e-5)


def test_scales_of_both_sides(run_net):
    given = {**feeds(), "image": np.array([[64, 80, 0.4, 2.5]], np.float32)}
    head = HEAD.format(n=1).replace("dim: 3", "dim: 4")
    made = run_net(head + LAYER.format("Proposal", f"proposal_param {{ {PARAMS} }}"), given)
    options = {"limits": (60, 10), "least": 20, "threshold": 0.5, "scales": (1, 2)}
    kept = propose(given, drop_small=False, rounding=half_up, **options)
    np.testing.assert_allclose(made["rois"], [[0, *box] for _, box in kept], rtol=1e-4, atol=1e-3)


def test_other_python_layers_are_refused(convert_net):
    params = 'python_param { module: "pyloss" layer: "EuclideanLossLayer" }'
    with pytest.raises(UnsupportedError, match=r"Python code \(pyloss\.EuclideanLossLayer\)"):
        convert_net(HEAD.format(n=1) + LAYER.format("Python", params))


@pytest.mark.parametrize("field", ["anchor_scale: 3", "iou_threshold: 0.7"])
def test_other_forks_are_refused(convert_net, field):
    with pytest.raises(UnsupportedError, match=r"suppresses in another order"):
        convert_net(HEAD.format(n=1) + LAYER.format("Proposal", f"proposal_param {{ {field} }}"))


def test_several_images_are_refused(convert_net):
    with pytest.raises(UnsupportedError, match="one image at a time"):
        convert_net(HEAD.format(n=2) + LAYER.format("Proposal", f"proposal_param {{ {PARAMS} }}"))


@pytest.mark.parametrize("params", ["", "ratio: 1 scale: 1", "ratio: 0 scale: 1"])
def test_anchors_that_do_not_fit_are_refused(convert_net, params):
    with pytest.raises(SourceError):
        convert_net(HEAD.format(n=1) + LAYER.format("Proposal", f"proposal_param {{ {params} }}"))
