"""Random cases for mxnet_random_ops.py: regions, priors, detections, proposals and correlation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mxnet_draw import Draw


def _regions(d: Draw, images: int = 2) -> Any:
    low = d.random.uniform(0, 12, (4, 2))
    boxes = np.concatenate([low, low + d.random.uniform(0, 14, (4, 2))], 1)
    column = d.random.randint(0, images, (4, 1))
    d.inputs["rois"] = np.concatenate([column, boxes], 1).astype("float32")
    return d.mx.sym.var("rois")


def _roi(d: Draw) -> Any:
    rois = _regions(d)
    scale = d.pick(1.0, 0.5, 0.25)
    sym = d.mx.sym
    align = d.maybe(sample_ratio=d.pick(1, 2, 3, -1), aligned=d.chance(0.3))

    def sensitive() -> Any:
        x = d.data((2, 2 * 9, 9, 11))
        return sym.contrib.ROIAlign(x, rois, pooled_size=(3, 3), spatial_scale=scale, position_sensitive=True, **align)

    def psroi() -> Any:
        group, pooled = d.pick((3, 3), (3, 3), (2, 4))
        x = d.data((2, 2 * group**2, 9, 11))
        return sym.contrib.PSROIPooling(
            x, rois, spatial_scale=scale, output_dim=2, pooled_size=pooled, group_size=group
        )

    return d.pick(
        lambda: sym.ROIPooling(d.data((2, 3, 9, 11)), rois, pooled_size=d.pick((3, 3), (2, 4)), spatial_scale=scale),
        lambda: sym.contrib.ROIAlign(
            d.data((2, 3, 9, 11)), rois, pooled_size=d.pick((3, 3), (2, 4)), spatial_scale=scale, **align
        ),
        sensitive,
        psroi,
    )()


def _priors(d: Draw) -> Any:
    x = d.data((1, 3, d.number(2, 5), d.number(2, 5)))
    options = d.maybe(
        sizes=d.pick((0.2,), (0.2, 0.5), (0.1, 0.3, 0.7)),
        ratios=d.pick((1,), (1, 2, 0.5), (2, 0.3)),
        clip=d.chance(0.5),
        steps=(0.2, 0.3),
        offsets=(0.3, 0.6),
    )
    return d.mx.sym.contrib.MultiBoxPrior(x, **options)


def _detection(d: Draw) -> Any:
    anchors = d.mx.sym.contrib.MultiBoxPrior(d.data((2, 3, 3, 4)), sizes=(0.3, 0.5), ratios=(1, 2))
    scores = d.mx.sym.softmax(d.data((2, 4, 36), "scores") * 3, axis=1)
    options = d.maybe(
        clip=d.chance(0.5),
        threshold=d.pick(0.1, 0.4),
        nms_threshold=d.pick(0.3, 0.6),
        force_suppress=d.chance(0.5),
        nms_topk=d.pick(5, 20),
        variances=(0.2, 0.1, 0.1, 0.3),
    )
    return d.mx.sym.contrib.MultiBoxDetection(scores, d.data((2, 144), "deltas"), anchors, **options)


def _box_nms(d: Draw) -> Any:
    low = d.random.uniform(0, 1, (2, 12, 2))
    size = d.random.uniform(0.2, 0.9, (2, 12, 2))
    labels = d.random.randint(0, 3, (2, 12, 1))
    scores = d.random.permutation(24).reshape(2, 12, 1) / 24 - 0.1
    form = d.pick("corner", "center")
    boxes = [low, low + size] if form == "corner" else [low + 0.3, size]
    d.inputs["data"] = np.concatenate([labels, scores, *boxes], 2).astype("float32")
    options = d.maybe(
        overlap_thresh=d.pick(0.2, 0.5, 0.7),
        valid_thresh=0.2,
        topk=d.pick(4, 8),
        id_index=0,
        background_id=0,
        force_suppress=d.chance(0.5),
        out_format=d.pick("corner", "center"),
    )
    return d.mx.sym.contrib.box_nms(d.mx.sym.var("data"), in_format=form, **options)


def _box_arithmetic(d: Draw) -> Any:
    def boxes(name: str, *shape: int) -> Any:
        low = d.random.uniform(0, 1, (*shape, 2))
        d.inputs[name] = np.concatenate([low, low + d.random.uniform(0.1, 0.9, (*shape, 2))], -1).astype("float32")
        return d.mx.sym.var(name)

    form = d.pick("corner", "center")
    deviations = {f"std{i}": v for i, v in enumerate((0.1, 0.2, 0.3, 0.4)) if d.chance(0.5)}
    return d.pick(
        lambda: d.mx.sym.contrib.box_iou(boxes("data", 3), boxes("other", 2, 4), format=form),
        lambda: d.mx.sym.contrib.box_decode(
            d.data((2, 5, 4)), boxes("anchors", 1, 5), format=form, **deviations, **d.maybe(clip=0.5)
        ),
    )()


def _proposal(d: Draw) -> Any:
    ratios, scales = d.pick(((1,), (2,)), ((0.5, 1, 2), (2, 4))), None
    ratios, scales = ratios
    count = len(ratios) * len(scales)
    operator = d.pick("Proposal", "MultiProposal")
    images = 1 if operator == "Proposal" else 2
    scores = d.mx.sym.softmax(d.mx.sym.Reshape(d.data((images, 2 * count, 5, 6), "scores"), shape=(0, 2, -1)), axis=1)
    scores = d.mx.sym.Reshape(scores, shape=(0, 2 * count, 5, 6))
    d.inputs["im"] = np.array([[40, 48, 1.0]] * images, "float32")
    made = getattr(d.mx.sym.contrib, operator)(
        scores,
        d.data((images, 4 * count, 5, 6), "deltas") * 0.3,
        d.mx.sym.var("im"),
        feature_stride=8,
        ratios=ratios,
        scales=scales,
        rpn_pre_nms_top_n=d.pick(20, 400),
        rpn_post_nms_top_n=d.pick(6, 12),
        rpn_min_size=d.pick(2, 14),
        threshold=d.pick(0.5, 0.7),
        output_score=d.chance(0.5),
        iou_loss=d.chance(0.3),
    )
    return d.mx.sym.Group(list(made)) if len(made.list_outputs()) > 1 else made


def _correlation(d: Draw) -> Any:
    a, b = d.data((2, 3, 7, 8)), d.data((2, 3, 7, 8), "other")
    return d.mx.sym.Correlation(
        a,
        b,
        kernel_size=d.pick(1, 1, 3),
        max_displacement=d.number(1, 3),
        stride1=d.pick(1, 2),
        stride2=d.pick(1, 2),
        pad_size=d.number(1, 4),
        is_multiply=d.chance(0.7),
    )


FAMILIES: dict[str, Callable[[Draw], Any]] = {
    "roi": _roi,
    "priors": _priors,
    "detection": _detection,
    "box_nms": _box_nms,
    "box_arithmetic": _box_arithmetic,
    "proposal": _proposal,
    "correlation": _correlation,
}
