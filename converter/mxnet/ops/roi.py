"""Pooling of regions of interest."""

from __future__ import annotations

import numpy as np

from ...roi import ScoreMaps, position_sensitive_pool, roi_align, roi_max_pool, select_places
from ..call import OperatorCall, Value
from ..registry import operator
from ..shapes import check_static


@operator("ROIPooling", source="src/operator/roi_pooling-inl.h")
def roi_pooling(call: OperatorCall) -> Value:
    """The maximum of each bin of each region."""
    x, rois = call.data, _regions(call)
    bins = _bins(call)
    made = roi_max_pool(call.builder, x.tensor, rois.tensor, bins, scale=call.options.number("spatial_scale"))
    return call.value(made, (rois.shape[0], x.shape[1], *bins))


@operator("_contrib_ROIAlign", source="src/operator/contrib/roi_align-inl.h")
def roi_align_(call: OperatorCall) -> Value:
    """The average of bilinear samples of each bin; position sensitive where each bin has its own channels."""
    x, rois, options = call.data, _regions(call), call.options
    bins, places = _bins(call), 1
    aligned = options.boolean("aligned", default=False)
    sensitive = options.boolean("position_sensitive", default=False)
    # Image -1 marks a region that is none: it gives 0 (feature pyramids hand each level all regions).
    image = call.emit("Slice", [rois, *(call.integers([number]) for number in (0, 1, 1))])
    lifted = call.emit("Max", [rois, call.constant([0.0, *[np.finfo(np.float32).min] * 4])])
    made = roi_align(
        call.builder,
        x.tensor,
        lifted,
        bins,
        scale=options.number("spatial_scale"),
        samples=options.integer("sample_ratio", -1),
        aligned=aligned,
    )
    if sensitive:
        places = bins[0] * bins[1]
        made = select_places(call.builder, made, x.shape[1] // places, bins)
    absent = call.emit("Less", [call.emit("Unsqueeze", [image, call.integers([2, 3])]), call.scalar(0)])
    made = call.emit("Where", [absent, call.scalar(0), made])
    return call.value(made, (rois.shape[0], x.shape[1] // places, *bins))


@operator("_contrib_PSROIPooling", source="src/operator/contrib/psroi_pooling.cc")
def psroi_pooling(call: OperatorCall) -> Value:
    """The average of each bin in the score map that belongs to its place."""
    x, rois, options = call.data, _regions(call), call.options
    outputs, pooled = options.integer("output_dim"), options.integer("pooled_size")
    group = options.integer("group_size", 0) or pooled
    if x.shape[1] != outputs * group**2:
        raise call.error(f"{x.shape[1]} channels are not {outputs} outputs in {group} x {group} groups")
    check_static(x.shape[2:], "the pooled axes follow the batch")
    maps = ScoreMaps(outputs, group, x.shape[2], x.shape[3])
    scale = options.number("spatial_scale")
    made = position_sensitive_pool(call.builder, x.tensor, rois.tensor, maps, pooled=pooled, scale=scale)
    return call.value(made, (rois.shape[0], outputs, pooled, pooled))


@operator(
    *("_contrib_DeformablePSROIPooling", "_contrib_RROIAlign"),
    source="src/operator/contrib/deformable_psroi_pooling.cc",
)
def moved_bins(call: OperatorCall) -> Value:
    """Refused: bins that the data moves or turns."""
    raise call.unsupported("the data moves or turns its bins, which no ONNX operator does; cut with --output")


def _regions(call: OperatorCall) -> Value:
    """The regions as (R, 5); without an image column they are those of image 0."""
    rois = call.input(1)
    if rois.rank == 3:
        rois = call.value(call.reshape(rois, (rois.shape[0] * rois.shape[1], rois.shape[2])), (-1, rois.shape[2]))
    if rois.rank != 2 or rois.shape[1] not in (4, 5):
        raise call.error(f"needs regions (R, 5), not of shape {rois.shape}")
    if rois.shape[1] == 5:
        return rois
    widened = call.emit("Pad", [rois, call.integers([0, 1, 0, 0]), call.scalar(0)])
    return call.value(widened, (rois.shape[0], 5))


def _bins(call: OperatorCall) -> tuple[int, int]:
    bins = call.options.integers("pooled_size")
    if len(bins) not in (1, 2) or min(bins) < 1:
        raise call.error(f"pooled_size is {bins}, not two positive numbers")
    return bins[0], bins[-1]
