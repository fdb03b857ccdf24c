"""Products of matrices."""

from __future__ import annotations

from ..call import OperatorCall, Tensor, Value
from ..registry import operator
from ..shapes import Shape, count


@operator("dot", source="src/operator/tensor/dot-inl.h")
def dot(call: OperatorCall) -> Value:
    """The last axis of the first input against the first of the second; transposition reverses all axes."""
    left, right = (_transposed(call, i, key) for i, key in enumerate(("transpose_a", "transpose_b")))
    if left.shape[-1] != right.shape[0]:
        raise call.error(f"its inputs have shapes {left.shape} and {right.shape}, which do not fit")
    shape: Shape = (*left.shape[:-1], *right.shape[1:]) or (1,)
    rows = call.reshape(left, (count(left.shape[:-1]), left.shape[-1]))
    columns = call.reshape(right, (right.shape[0], count(right.shape[1:])))
    return call.value(call.reshape(call.emit("MatMul", [rows, columns]), shape), shape)


def _transposed(call: OperatorCall, index: int, key: str) -> Value:
    value = call.input(index)
    if not call.options.boolean(key, default=False) or value.rank == 1:
        return value
    perm = list(reversed(range(value.rank)))
    return call.value(call.emit("Transpose", [value], perm=perm), value.shape[::-1])


@operator("batch_dot", source="src/operator/tensor/dot-inl.h")
def batch_dot(call: OperatorCall) -> Value:
    """Products of the matrices in the last two axes."""
    return _batched(call, call.input(0), call.input(1))


@operator("_linalg_gemm2", source="src/operator/tensor/la_op-inl.h")
def gemm2(call: OperatorCall) -> Value:
    """Alpha * A B, of the matrices in the last two axes."""
    return _scaled(call, _batched(call, call.input(0), call.input(1)), "alpha")


@operator("_linalg_gemm", source="src/operator/tensor/la_op-inl.h")
def gemm(call: OperatorCall) -> Value:
    """Alpha * A B + beta * C, of the matrices in the last two axes."""
    product = _scaled(call, _batched(call, call.input(0), call.input(1)), "alpha")
    added = _scaled(call, call.input(2), "beta")
    return call.value(call.emit("Add", [product, added]), product.shape)


def _batched(call: OperatorCall, left: Value, right: Value) -> Value:
    if call.options.integer("axis", -2) not in (-2, left.rank - 2):
        raise call.unsupported("its matrices lie on another axis than -2; transpose the data first")
    sides = [_last_two(call, left, "transpose_a"), _last_two(call, right, "transpose_b")]
    first, second = (side.shape for side in sides)
    if left.rank != right.rank or left.rank < 2 or first[:-2] != second[:-2] or first[-1] != second[-2]:
        raise call.error(f"its inputs have shapes {left.shape} and {right.shape}, which do not fit")
    return call.value(call.emit("MatMul", list[Tensor](sides)), (*first[:-1], second[-1]))


def _last_two(call: OperatorCall, value: Value, key: str) -> Value:
    if not call.options.boolean(key, default=False):
        return value
    perm = [*range(value.rank - 2), value.rank - 1, value.rank - 2]
    shape = [value.shape[axis] for axis in perm]
    return call.value(call.emit("Transpose", [value], perm=perm), shape)


def _scaled(call: OperatorCall, value: Value, key: str) -> Value:
    factor = call.options.number(key, 1.0)
    return value if factor == 1 else call.value(call.emit("Mul", [value, call.scalar(factor)]), value.shape)
