"""Parts of tensors: slices, splits and crops."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..call import OperatorCall, Tensor, Value
from ..registry import operator
from ..shapes import BatchBoundError, Shape, check_static, follows_batch

_SOURCE = "src/operator/tensor/matrix_op-inl.h"
_TO_THE_START = -(2**31)


@operator("slice", source=_SOURCE)
def slice_(call: OperatorCall) -> Value:
    """From `begin` to `end` by `step` on the first axes; None is the whole way."""
    begins, ends = call.options.optional_integers("begin"), call.options.optional_integers("end")
    steps = call.options.optional_integers("step") or ()
    if begins is None or ends is None or len(begins) != len(ends) or len(begins) > call.data.rank:
        raise call.error(f"begin {begins} and end {ends} do not fit data of shape {call.data.shape}")
    ranges = {}
    for axis, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        step = steps[axis] if axis < len(steps) else None
        ranges[axis] = resolve(call, axis, begin, end, 1 if step is None else step)
    return take_ranges(call, call.data, ranges)


@operator("slice_axis", source=_SOURCE)
def slice_axis(call: OperatorCall) -> Value:
    """From `begin` to `end` on one axis; an `end` of None is the whole way."""
    axis = call.axis("axis", "required")
    end = call.options.optional_integer("end")
    begin = call.options.integer("begin")
    return take_ranges(call, call.data, {axis: resolve(call, axis, begin, end, 1)})


@operator("slice_like", source=_SOURCE)
def slice_like(call: OperatorCall) -> Value:
    """As many elements, from the start, as the second input has: on `axes`, or on all its axes."""
    x, other = call.input(0), call.input(1)
    given = call.options.integers("axes", ())
    axes = [call.check_axis(axis, x.rank) for axis in given] or list(range(other.rank))
    if max(axes, default=0) >= min(x.rank, other.rank):
        raise call.error(f"axes {axes} do not fit shapes {x.shape} and {other.shape}")
    for axis in axes:
        if other.shape[axis] > x.shape[axis]:
            raise call.error(f"axis {axis} of shape {x.shape} is shorter than that of shape {other.shape}")
    return take_ranges(call, x, {axis: (0, other.shape[axis], 1) for axis in axes})


def resolve(call: OperatorCall, axis: int, begin: int | None, end: int | None, step: int) -> tuple[int, int, int]:
    """Begin, end and step with the begin within the axis, as MXNet's GetIndexRange."""
    size = call.data.shape[axis]
    if step == 0:
        raise call.error("has a step of 0")
    low, high = (0, size) if step > 0 else (-1, size - 1)
    first = (low if step > 0 else high) if begin is None else begin + size if begin < 0 else begin
    last = (high if step > 0 else -1) if end is None else end + size if end < 0 else end
    first, last = min(max(first, 0), high), min(max(last, low), size)
    if (last - first) * step <= 0:
        raise call.error(f"takes nothing of axis {axis} of data of shape {call.data.shape}")
    return first, last, step


def take_ranges(call: OperatorCall, x: Value, ranges: dict[int, tuple[int, int, int]]) -> Value:
    """The part of `x` in `ranges` (begin, end, step by axis); whole axes are left alone."""
    parts = {axis: part for axis, part in ranges.items() if part != (0, x.shape[axis], 1)}
    shape = list(x.shape)
    for axis, (first, last, step) in parts.items():
        if follows_batch(x.shape[axis]) and (first, last, step) != (x.shape[axis] - 1, -1, -1):
            raise BatchBoundError(f"{call.node} takes a part of the batch")
        shape[axis] = -(-(last - first) // step)
    if not parts:
        return Value(x.tensor, x.shape, x.dtype)
    ends = [_TO_THE_START if last < 0 else last for _, last, _ in parts.values()]
    starts = [-1 if follows_batch(first) else first for first, _, _ in parts.values()]
    steps = [step for _, _, step in parts.values()]
    made = call.emit("Slice", [x, *map(call.integers, (starts, ends, list(parts), steps))])
    return Value(made, tuple(shape), x.dtype)


@operator("SliceChannel", source="src/operator/slice_channel-inl.h")
def slice_channel(call: OperatorCall) -> Sequence[Value]:
    """`num_outputs` equal parts along `axis`; `squeeze_axis` drops the axis."""
    x, parts = call.data, call.options.integer("num_outputs")
    axis = call.axis("axis", 1)
    check_static([x.shape[axis]], f"{call.node} splits the batch")
    if parts < 1 or x.shape[axis] % parts:
        raise call.error(f"axis {axis} of data of shape {x.shape} does not divide into {parts} parts")
    return _split(call, axis, [x.shape[axis] // parts] * parts)


@operator("_split_v2", source=_SOURCE)
def split_v2(call: OperatorCall) -> Sequence[Value]:
    """Parts along `axis` that begin at `indices`, or `sections` equal ones."""
    axis = call.axis("axis", 1)
    size, sections = call.data.shape[axis], call.options.integer("sections", 0)
    check_static([size], f"{call.node} splits the batch")
    begins = call.options.integers("indices", ())
    if sections:
        return _split(call, axis, [size // sections] * sections)
    starts = list(begins) if begins[:1] == (0,) else [0, *begins]
    bounds = [*starts, size]
    return _split(call, axis, [end - start for start, end in pairwise(bounds)])


def _split(call: OperatorCall, axis: int, sizes: Sequence[int]) -> list[Value]:
    x, squeeze = call.data, call.options.boolean("squeeze_axis", default=False)
    if min(sizes) < 1 or sum(sizes) != x.shape[axis] or (squeeze and set(sizes) != {1}):
        raise call.error(f"axis {axis} of data of shape {x.shape} does not split into {list(sizes)}")
    made: list[str] = [x.tensor]
    if len(sizes) > 1:
        made = call.emit_several("Split", [x, call.integers(sizes)], len(sizes), axis=axis)
    if squeeze:
        made = [call.emit("Squeeze", [part, call.integers([axis])]) for part in made]
    shapes = [(*x.shape[:axis], *([] if squeeze else [size]), *x.shape[axis + 1 :]) for size in sizes]
    return [call.value(part, shape) for part, shape in zip(made, shapes, strict=True)]


@operator("Crop", source="src/operator/crop-inl.h")
def crop(call: OperatorCall) -> Value:
    """Height and width cropped to those of the second input, or to `h_w`, from `offset` or around the centre."""
    x = call.data
    if x.rank != 4:
        raise call.error(f"needs data of 4 axes, not of shape {x.shape}")
    wanted = call.input(1).shape[2:] if len(call.inputs) > 1 else call.options.integers("h_w", (0, 0))
    offset = call.options.integers("offset", (0, 0))
    if len(wanted) != 2 or len(offset) != 2:
        raise call.error(f"a crop of {wanted} at {offset} needs height and width")
    if call.options.boolean("center_crop", default=False):
        offset = tuple((n - m) // 2 for n, m in zip(x.shape[2:], wanted, strict=True))
    call.options.has("h_w")
    ends: Shape = tuple(o + m for o, m in zip(offset, wanted, strict=True))
    if min(*offset, *ends) < 0 or any(end > n for end, n in zip(ends, x.shape[2:], strict=True)):
        raise call.error(f"a crop of {wanted} at {offset} is not within data of shape {x.shape}")
    return take_ranges(call, x, {2: (offset[0], ends[0], 1), 3: (offset[1], ends[1], 1)})


@operator("Concat", source="src/operator/nn/concat.cc")
def concat(call: OperatorCall) -> Value:
    """All inputs one after the other along `dim`."""
    values = call.values()
    axis = call.axis("dim", 1)
    others = {value.shape[:axis] + value.shape[axis + 1 :] for value in values}
    if len(others) != 1:
        raise call.error(f"its inputs do not fit along axis {axis}: {', '.join(str(v.shape) for v in values)}")
    if len(values) == 1:
        return values[0]
    size = sum(value.shape[axis] for value in values)
    shape = (*call.data.shape[:axis], size, *call.data.shape[axis + 1 :])
    return call.value(call.emit("Concat", list[Tensor](values), axis=axis), shape)


@operator("stack", source=_SOURCE)
def stack(call: OperatorCall) -> Value:
    """All inputs one after the other along a new axis."""
    values = call.values()
    axis = call.axis("axis", 0, call.data.rank + 1)
    if len({value.shape for value in values}) != 1:
        raise call.error(f"its inputs have different shapes: {', '.join(str(value.shape) for value in values)}")
    parts = [call.emit("Unsqueeze", [value, call.integers([axis])]) for value in values]
    shape = (*call.data.shape[:axis], len(values), *call.data.shape[axis:])
    return call.value(call.emit("Concat", parts, axis=axis), shape)


@operator("_slice_assign", "_slice_assign_scalar", source=_SOURCE)
def slice_assign(call: OperatorCall) -> Value:
    """Refused: writes into a part of a tensor."""
    raise call.unsupported("writes into a part of a tensor, which no ONNX operator does; use concat")
