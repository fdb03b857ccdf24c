"""Region proposals."""

from __future__ import annotations

from collections.abc import Sequence

from ...priors import anchor_grid, region_anchors
from ...proposals import ProposalOptions, propose_fixed
from ..call import OperatorCall, Value
from ..registry import operator
from ..shapes import check_static


@operator(
    *("_contrib_Proposal", "_contrib_MultiProposal"),
    source="src/operator/contrib/proposal.cc",
    outputs=("output", "score"),
)
def proposal(call: OperatorCall) -> Value | Sequence[Value]:
    """The boxes (image, corners) of a region proposal network, as many as `rpn_post_nms_top_n` per image."""
    scores, options = call.data, call.options
    if scores.rank != 4 or call.input(1).rank != 4 or call.input(2).rank != 2:
        raise call.error(f"needs scores and deltas of 4 axes and im_info of 2, not {[v.shape for v in call.values()]}")
    images, (height, width) = scores.shape[0], scores.shape[2:]
    check_static((height, width), "the cells follow the batch")
    made = _proposal_options(call, (height, width))
    anchors = len(made.anchors) // (height * width)
    if scores.shape[1] != 2 * anchors or call.input(1).shape[1] != 4 * anchors:
        raise call.error(f"has {anchors} anchors per cell, which do not fit scores of shape {scores.shape}")
    bounds = [call.integers([value]) for value in (anchors, 2 * anchors, 1)]
    foreground = call.emit("Slice", [scores, *bounds])
    rows, kept = propose_fixed(call.builder, foreground, call.input(1).tensor, call.input(2).tensor, made)
    count = images * made.post_nms
    boxes = call.value(rows, (count, 5))
    return (boxes, call.value(kept, (count, 1))) if options.boolean("output_score", default=False) else boxes


def _proposal_options(call: OperatorCall, cells: tuple[int, int]) -> ProposalOptions:
    options = call.options
    stride = options.integer("feature_stride", 16)
    ratios, scales = options.numbers("ratios", (0.5, 1.0, 2.0)), options.numbers("scales", (4.0, 8.0, 16.0, 32.0))
    try:
        base = region_anchors(stride, ratios, scales, floor_area=True)
    except ValueError as error:
        raise call.error(str(error)) from error
    grid = anchor_grid(base, cells, stride)
    before, after = options.integer("rpn_pre_nms_top_n", 6000), options.integer("rpn_post_nms_top_n", 300)
    candidates = min(before, len(grid)) if before > 0 else len(grid)
    return ProposalOptions(
        grid,
        cells,
        pre_nms=before,
        post_nms=min(after, candidates) if call.node.operator == "_contrib_MultiProposal" else after,
        iou_threshold=options.number("threshold", 0.7),
        min_size=options.integer("rpn_min_size", 16),
        small_score=-1.0,
        centred=True,
        offsets=options.boolean("iou_loss", default=False),
        stride=stride,
    )
