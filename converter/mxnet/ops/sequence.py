"""Sequences along axis 0 (time) of data (time, batch, ...), or axis 1 of (batch, time, ...)."""

from __future__ import annotations

from ..call import OperatorCall, Value
from ..registry import operator
from .slicing import take_ranges


@operator("SequenceLast", source="src/operator/sequence_last-inl.h")
def sequence_last(call: OperatorCall) -> Value:
    """The last element of each sequence: of all its time, or at its length."""
    x, axis = call.data, call.options.integer("axis", 0)
    shape = tuple(size for i, size in enumerate(x.shape) if i != axis)
    if not _has_lengths(call):
        last = take_ranges(call, x, {axis: (x.shape[axis] - 1, x.shape[axis], 1)})
        return call.value(call.reshape(last, shape), shape)
    by_sequence = x if axis == 1 else call.emit("Transpose", [x], perm=[1, 0, *range(2, x.rank)])
    place = call.emit("Sub", [call.cast(call.input(1), "int64"), call.integers(1)])
    column = call.emit("Unsqueeze", [place, call.integers([1])])
    return call.value(call.emit("GatherND", [by_sequence, column], batch_dims=1), shape)


@operator("SequenceMask", source="src/operator/sequence_mask-inl.h")
def sequence_mask(call: OperatorCall) -> Value:
    """`value` in place of what lies beyond the length of each sequence."""
    x, axis = call.data, call.options.integer("axis", 0)
    value = call.options.number("value", 0.0)
    if not _has_lengths(call):
        return x
    times = call.range(x.shape[axis])
    tail = [1] * (x.rank - 2)
    grid = call.reshape(times, [*((x.shape[axis], 1) if axis == 0 else (1, x.shape[axis])), *tail])
    lengths = call.cast(call.input(1), "int64")
    count = call.reshape(lengths, [*((1, -1) if axis == 0 else (-1, 1)), *tail])
    return call.like(call.emit("Where", [call.emit("Less", [grid, count]), x, call.scalar(value)]))


@operator("SequenceReverse", source="src/operator/sequence_reverse-inl.h")
def sequence_reverse(call: OperatorCall) -> Value:
    """Each sequence back to front, within its length."""
    x = call.data
    call.options.has("axis")
    if not _has_lengths(call):
        return take_ranges(call, x, {0: (x.shape[0] - 1, -1, -1)})
    lengths = call.cast(call.input(1), "int64")
    return call.like(call.emit("ReverseSequence", [x, lengths], time_axis=0, batch_axis=1))


def _has_lengths(call: OperatorCall) -> bool:
    return call.options.boolean("use_sequence_length", default=False)
