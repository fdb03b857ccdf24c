"""Layers that move values about: Reshape, Flatten, Concat, Slice, Crop, Tile, and those that only hand them on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from ..call import Blob, LayerCall
from ..registry import layer
from .rearrange import pixel_shuffle


@layer("Split", source="BVLC split_layer.cpp")
def split(call: LayerCall) -> list[Blob]:
    """Hands its bottom on to every top."""
    return [call.bottom()] * len(call.layer.tops)


@layer("Silence", source="BVLC silence_layer.cpp")
def silence(call: LayerCall) -> list[Blob]:  # noqa: ARG001 - the contract of handlers
    """Reads its bottoms so that they are no outputs."""
    return []


@layer(
    "Dropout",
    params="dropout_param",
    options=("dropout_ratio", "scale_train"),
    source="BVLC dropout_layer.cpp; scale_train: DeepLab's fork",
)
def dropout(call: LayerCall) -> Blob:
    """Nothing at inference; with scale_train: false, times 1 - dropout_ratio."""
    if call.params.boolean("scale_train", default=True):
        return call.bottom()
    kept = call.constant(1.0 - call.params.number("dropout_ratio", 0.5))
    return call.like(call.node("Mul", [call.bottom().tensor, kept]))


@layer("Flatten", params="flatten_param", options=("axis", "end_axis"), source="BVLC flatten_layer.cpp")
def flatten(call: LayerCall) -> Blob:
    """The axes from `axis` to `end_axis` merged into one."""
    x = call.bottom()
    start, end = call.axis("axis", 1), call.axis("end_axis", -1)
    if end < start:
        raise call.error(f"end_axis {end} lies before axis {start}")
    shape = (*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :])
    batch = x.batch
    if batch is not None and batch > start:
        batch = start if batch <= end else batch - (end - start)
    return _reshaped(call, shape, batch)


@layer(
    "Reshape",
    params="reshape_param",
    options=("shape", "axis", "num_axes", "pixelshuffler"),
    source="BVLC reshape_layer.cpp; pixelshuffler: Synopsys",
)
def reshape(call: LayerCall) -> Blob:
    """Other sizes for the axes from `axis` on: 0 copies the bottom's, -1 is what is left."""
    x, block = call.bottom(), call.params.integer("pixelshuffler", 1)
    if block != 1:
        return pixel_shuffle(call, block)
    start = call.params.integer("axis", 0)
    start = start if start >= 0 else x.rank + start + 1
    count = call.params.integer("num_axes", -1)
    end = x.rank if count == -1 else start + count
    if not 0 <= start <= end <= x.rank or count < -1:
        raise call.error(f"axis and num_axes reach beyond its bottom of shape {x.shape}")
    dims = call.params.message("shape").integers("dim")
    shape = [*x.shape[:start], *_dimensions(call, dims, start, end), *x.shape[end:]]
    return _reshaped(call, shape, _batch_after(call, dims, start, end))


def _dimensions(call: LayerCall, dims: Sequence[int], start: int, end: int) -> list[int]:
    x = call.bottom()
    if any(dim < -1 for dim in dims) or list(dims).count(-1) > 1:
        raise call.error(f"shape {list(dims)} has a size below -1, or more than one -1")
    if any(dim == 0 and start + index >= x.rank for index, dim in enumerate(dims)):
        raise call.error(f"shape {list(dims)} copies an axis that its bottom of shape {x.shape} does not have")
    sizes = [x.shape[start + index] if dim == 0 else dim for index, dim in enumerate(dims)]
    known = math.prod(size for size, dim in zip(sizes, dims, strict=True) if dim != -1)
    total = math.prod(x.shape[start:end])
    if (-1 in dims and (not known or total % known)) or (-1 not in dims and known != total):
        raise call.error(f"a bottom of shape {x.shape} cannot take shape {list(dims)} from axis {start} on")
    return [total // known if dim == -1 else size for size, dim in zip(sizes, dims, strict=True)]


def _batch_after(call: LayerCall, dims: Sequence[int], start: int, end: int) -> int | None:
    """Where the batch axis is after a Reshape; a size that names the batch is taken to mean whatever batch there is."""
    x = call.bottom()
    if x.batch is None or x.batch < start:
        return x.batch
    if x.batch >= end:
        return x.batch - (end - start) + len(dims)
    index = x.batch - start
    if index < len(dims) and dims[index] in (0, x.shape[x.batch]):
        return x.batch
    if -1 not in dims:
        call.fix_batch(f"its shape {list(dims)} names sizes that hold the batch")
        return None
    return start + list(dims).index(-1)


def _reshaped(call: LayerCall, shape: Sequence[int], batch: int | None) -> Blob:
    return call.top(call.reshape(call.bottom(), shape, batch=batch), shape, batch=batch)


@layer("Concat", params="concat_param", options=("axis", "concat_dim"), source="BVLC concat_layer.cpp")
def concat(call: LayerCall) -> Blob:
    """The bottoms one after the other along an axis."""
    x = call.bottom()
    axis = call.axis("concat_dim" if call.params.has("concat_dim") else "axis", 1)
    for bottom in call.bottoms:
        if _without(bottom.shape, axis) != _without(x.shape, axis):
            raise call.error(f"shapes {[bottom.shape for bottom in call.bottoms]} differ elsewhere than on axis {axis}")
    call.same_batch()
    if axis == x.batch and len(call.bottoms) > 1:
        call.fix_batch("it concatenates along the batch")
    if len(call.bottoms) == 1:
        return x
    total = sum(bottom.shape[axis] for bottom in call.bottoms)
    y = call.node("Concat", [bottom.tensor for bottom in call.bottoms], axis=axis)
    return call.top(y, (*x.shape[:axis], total, *x.shape[axis + 1 :]))


def _without(shape: Sequence[int], axis: int) -> list[int]:
    return [size for index, size in enumerate(shape) if index != axis]


@layer("Slice", params="slice_param", options=("axis", "slice_dim", "slice_point"), source="BVLC slice_layer.cpp")
def slice_(call: LayerCall) -> list[Blob]:
    """The bottom cut along an axis at slice_point, or into equal parts."""
    x = call.bottom()
    axis = call.axis("slice_dim" if call.params.has("slice_dim") else "axis", 1)
    sizes = _parts(call, x.shape[axis], len(call.layer.tops))
    if len(sizes) == 1:
        return [x]
    if axis == x.batch:
        call.fix_batch("it cuts the batch")
    names = [f"{call.layer.name}/part" for _ in sizes]
    made = call.builder.node_with_outputs(
        "Split", [x.tensor, call.integers(sizes)], names, name=call.layer.name, axis=axis
    )
    tops = zip(made, sizes, strict=True)
    return [call.top(part, (*x.shape[:axis], size, *x.shape[axis + 1 :])) for part, size in tops]


def _parts(call: LayerCall, size: int, count: int) -> list[int]:
    points = call.params.integers("slice_point")
    if not points:
        if size % count:
            raise call.error(f"{size} do not divide into {count} equal parts; give slice_point")
        return [size // count] * count
    bounds = [0, *points, size]
    if len(points) != count - 1 or sorted(set(bounds)) != bounds:
        raise call.error(f"slice_point {points} does not cut {size} into {count} parts")
    return [end - start for start, end in itertools.pairwise(bounds)]


@layer("Crop", params="crop_param", options=("axis", "offset"), source="BVLC crop_layer.cpp")
def crop(call: LayerCall) -> Blob:
    """The first bottom cut to the second's sizes from `axis` on, beginning at `offset`."""
    x, reference = call.bottom(), call.bottom(1)
    axis = call.axis("axis", 2)
    axes = list(range(axis, x.rank))
    offsets = call.params.integers("offset")
    if reference.rank != x.rank or len(offsets) not in (0, 1, len(axes)):
        raise call.error(f"{len(offsets)} offsets and a reference of shape {reference.shape} for a bottom {x.shape}")
    starts = offsets if len(offsets) == len(axes) else (offsets or [0]) * len(axes)
    ends = [start + reference.shape[index] for start, index in zip(starts, axes, strict=True)]
    if any(start < 0 or end > x.shape[index] for start, end, index in zip(starts, ends, axes, strict=True)):
        raise call.error(f"offset {starts} and size {reference.shape} reach beyond its bottom of shape {x.shape}")
    if x.batch is not None and x.batch >= axis:
        call.fix_batch("it crops the batch")
    y = call.node("Slice", [x.tensor, *(call.integers(values) for values in (starts, ends, axes))])
    return call.top(y, (*x.shape[:axis], *reference.shape[axis:]))


@layer("Tile", params="tile_param", options=("axis", "tiles"), source="BVLC tile_layer.cpp")
def tile(call: LayerCall) -> Blob:
    """The bottom repeated `tiles` times along an axis."""
    x = call.bottom()
    axis, tiles = call.axis("axis", 1), call.params.integer("tiles")
    if tiles < 1:
        raise call.error(f"tiles {tiles} is below 1")
    repeats = [tiles if index == axis else 1 for index in range(x.rank)]
    shape = [size * repeat for size, repeat in zip(x.shape, repeats, strict=True)]
    return call.top(call.node("Tile", [x.tensor, call.integers(repeats)]), shape)
