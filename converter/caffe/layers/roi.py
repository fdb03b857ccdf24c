"""ROIPooling, PSROIPooling and ROIAlign."""

from __future__ import annotations

from collections.abc import Sequence

from ...roi import ScoreMaps, position_sensitive_pool, roi_align, roi_max_pool, select_places
from ..call import Blob, LayerCall
from ..registry import layer


@layer(
    "ROIPooling",
    params="roi_pooling_param",
    options=("pooled_h", "pooled_w", "spatial_scale"),
    source="Fast R-CNN roi_pooling_layer.cpp",
)
def roi_pooling(call: LayerCall) -> Blob:
    """The maximum of each of pooled_h by pooled_w bins of each region (second bottom: image, corners)."""
    pooled, scale = _bins(call), call.params.number("spatial_scale", 1.0)
    y = roi_max_pool(call.builder, _map(call).tensor, _regions(call), pooled, scale=scale)
    return _top(call, y, (_map(call).shape[1], *pooled))


@layer(
    "PSROIPooling",
    params="psroi_pooling_param",
    options=("spatial_scale", "output_dim", "group_size"),
    source="R-FCN psroi_pooling_layer.cu",
)
def psroi_pooling(call: LayerCall) -> Blob:
    """The average of each of group_size by group_size bins in the score map of its place."""
    x = _map(call)
    outputs, group = call.params.integer("output_dim"), call.params.integer("group_size")
    if outputs < 1 or group < 1 or outputs * group * group != x.shape[1]:
        raise call.error(f"output_dim {outputs} times group_size {group} squared must be its {x.shape[1]} channels")
    scale = call.params.number("spatial_scale", 1.0)
    maps = ScoreMaps(outputs, group, x.shape[2], x.shape[3])
    y = position_sensitive_pool(call.builder, x.tensor, _regions(call), maps, pooled=group, scale=scale)
    return _top(call, y, (outputs, group, group))


@layer(
    "ROIAlign",
    "RoIAlign",
    params="roi_align_param",
    options=("pooled_h", "pooled_w", "spatial_scale", "sampling_ratio", "sample_ratio", "position_sensitive"),
    source="Mask R-CNN's definition (Detectron roi_align_op.cu), which Ascend's and Uber's forks follow",
)
def roi_align_(call: LayerCall) -> Blob:
    """The average of sampling_ratio squared interpolated samples of each bin (0 or less: as many as it has cells)."""
    names = [name for name in ("sampling_ratio", "sample_ratio") if call.params.has(name)]
    if not names or call.layer.message.has("roi_pooling_param"):
        raise call.unsupported(
            "ROIAlign is a different layer in every fork; write sampling_ratio: -1 (or the samples per axis) into its "
            "roi_align_param if it is Mask R-CNN's, or cut the net before it with --output"
        )
    pooled, x = _bins(call), _map(call)
    y = roi_align(
        call.builder,
        x.tensor,
        _regions(call),
        pooled,
        scale=call.params.number("spatial_scale", 1.0),
        samples=call.params.integer(names[0]),
    )
    if not call.params.boolean("position_sensitive"):
        return _top(call, y, (x.shape[1], *pooled))
    if x.shape[1] % (pooled[0] * pooled[1]):
        raise call.error(f"its {x.shape[1]} channels do not divide into {pooled[0]} x {pooled[1]} places")
    outputs = x.shape[1] // (pooled[0] * pooled[1])
    return _top(call, select_places(call.builder, y, outputs, pooled), (outputs, *pooled))


def _map(call: LayerCall) -> Blob:
    x = call.bottom()
    if x.rank != 4:
        raise call.error(f"pools a map of four axes, but its first bottom has shape {x.shape}")
    return x


def _bins(call: LayerCall) -> tuple[int, int]:
    pooled = (call.params.integer("pooled_h"), call.params.integer("pooled_w"))
    if min(pooled) < 1:
        raise call.error(f"pooled_h and pooled_w must be above 0, not {pooled}")
    return pooled


def _regions(call: LayerCall) -> str:
    """The second bottom as (R, 5)."""
    rois = call.bottom(1)
    if rois.rank < 2 or rois.shape[1] != 5 or any(size != 1 for size in rois.shape[2:]):
        raise call.error(
            f"regions are rows of image, xmin, ymin, xmax, ymax, but its second bottom has shape {rois.shape}"
        )
    return rois.tensor if rois.rank == 2 else call.reshape(rois, (rois.shape[0], 5), batch=rois.batch)


def _top(call: LayerCall, tensor: str, shape: Sequence[int]) -> Blob:
    """One row of the top per region."""
    rois = call.bottom(1)
    return Blob(tensor, (rois.shape[0], *shape), rois.batch, rois.symbol)
