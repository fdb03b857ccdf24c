"""Region proposals: the Proposal layer and Faster R-CNN's Python layer of that name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...priors import anchor_grid, region_anchors
from ...proposals import ProposalOptions, propose_rows
from ..call import Blob, LayerCall
from ..registry import layer
from .source import MAX_ELEMENTS

_LENOVO_FIELDS = ("anchor_base_size", "anchor_scale", "anchor_ratio", "max_rois")
_ASCEND_FIELDS = ("iou_threshold", "output_actual_rois_num")


@layer(
    "Proposal",
    params="proposal_param",
    options=(
        *("feat_stride", "base_size", "min_size", "ratio", "scale", "pre_nms_topn", "post_nms_topn", "nms_thresh"),
        *_LENOVO_FIELDS,
        *_ASCEND_FIELDS,
    ),
    source="PVANet's caffe-fast-rcnn proposal_layer.cpp",
)
def proposal(call: LayerCall) -> list[Blob]:
    """Decodes the boxes of all anchors, drops small ones, keeps the best that do not overlap: rows (image, corners)."""
    for names, owner in ((_LENOVO_FIELDS, "Lenovo's and Synopsys'"), (_ASCEND_FIELDS, "Ascend's")):
        if any(call.params.has(name) for name in names):
            raise call.unsupported(
                f"is {owner} Proposal, which suppresses in another order than NonMaxSuppression; describe it by "
                "feat_stride, base_size, ratio, scale, pre_nms_topn, post_nms_topn, nms_thresh and min_size, "
                "or cut the net before it with --output"
            )
    ratios, scales = call.params.numbers("ratio"), call.params.numbers("scale")
    if not ratios or not scales or min(*ratios, *scales) <= 0:
        raise call.error("needs one ratio or more, and one scale or more, each above 0")
    return _propose(
        call,
        stride=call.params.integer("feat_stride", 16),
        anchors=(call.params.integer("base_size", 16), ratios, scales),
        kept=(call.params.integer("pre_nms_topn", 6000), call.params.integer("post_nms_topn", 300)),
        iou_threshold=call.params.number("nms_thresh", 0.7),
        min_size=call.params.number("min_size", 16),
        small_score=0.0,
    )


@layer(
    "Python", params="python_param", options=("module", "layer", "param_str"), source="py-faster-rcnn proposal_layer.py"
)
def python(call: LayerCall) -> list[Blob]:
    """Of all Python layers only Faster R-CNN's rpn.proposal_layer, with the limits of its configuration for tests."""
    name = f"{call.params.string('module')}.{call.params.string('layer')}"
    if name != "rpn.proposal_layer.ProposalLayer":
        raise call.unsupported(
            f"is Python code ({name}), which no converter can read; cut the net before it with --output, feed its tops "
            "with --input, or register a handler through the entry point planish.caffe_layers"
        )
    settings = call.params.string("param_str")
    call.note("keeps 6000 boxes before and 300 after suppression at 0.7, 16 pixels or larger, as py-faster-rcnn tests")
    return _propose(
        call,
        stride=int(_setting(settings, "feat_stride", [16])[0]),
        anchors=(16, _setting(settings, "ratios", [0.5, 1, 2]), _setting(settings, "scales", [8, 16, 32])),
        kept=(6000, 300),
        iou_threshold=0.7,
        min_size=16,
        small_score=None,
        half_even=True,
    )


def _setting(settings: str, name: str, default: Sequence[float]) -> list[float]:
    """The numbers that a line of YAML such as `'feat_stride': 16` or `scales: [8, 16]` gives."""
    found = re.search(rf"\b{name}['\"]?\s*:\s*(?:!!\S+\s*)?[\[(]?\s*(\d[\d., \t]*)", settings)
    return [float(value) for value in re.findall(r"\d+\.?\d*", found[1])] if found else list(default)


def _propose(
    call: LayerCall,
    *,
    stride: int,
    anchors: tuple[int, Sequence[float], Sequence[float]],
    kept: tuple[int, int],
    iou_threshold: float,
    min_size: float,
    small_score: float | None,
    half_even: bool = False,
) -> list[Blob]:
    scores, deltas, image = call.bottom(0), call.bottom(1), call.bottom(2)
    base, ratios, scales = anchors
    count = len(ratios) * len(scales)
    if scores.rank != 4 or deltas.shape != (scores.shape[0], 4 * count, *scores.shape[2:]):
        raise call.error(
            f"scores of shape {scores.shape} and deltas of {deltas.shape} do not fit {count} anchors per cell"
        )
    if scores.shape[1] != 2 * count or image.rank != 2 or image.shape[1] < 3 or stride < 1 or base < 1:
        raise call.error(f"scores of {scores.shape}, image facts of {image.shape} and feat_stride {stride} do not fit")
    cells = (scores.shape[2], scores.shape[3])
    if cells[0] * cells[1] * count * 4 > MAX_ELEMENTS:
        raise call.error(f"{count} anchors in each of {cells} cells are more than {MAX_ELEMENTS} values")
    if scores.shape[0] != 1:
        raise call.unsupported("proposes for one image at a time; set the batch size of the inputs to 1")
    call.fix_batch("it proposes for one image at a time")
    try:
        first = region_anchors(base, ratios, scales, floor_area=False, half_even=half_even)
    except ValueError as error:
        raise call.error(str(error)) from error
    options = ProposalOptions(
        anchor_grid(first, cells, stride),
        cells,
        *kept,
        iou_threshold,
        min_size,
        small_score=small_score,
        scale_columns=(2, 2) if image.shape[1] == 3 else (3, 2),
    )
    bounds = [call.integers([value]) for value in (count, 2 * count, 1)]
    foreground = call.node("Slice", [scores.tensor, *bounds])
    rows, values = propose_rows(call.builder, foreground, deltas.tensor, image.tensor, options)
    most = min(options.candidates, kept[1]) if kept[1] > 0 else options.candidates
    tops = [call.top(rows, (most, 5), batch=0, symbol="proposals")]
    if len(call.layer.tops) > 1:
        tops.append(call.top(values, (most, 1), batch=0, symbol="proposals"))
    return tops
