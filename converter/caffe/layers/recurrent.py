"""RNN, LSTM and LSTMUnit: one ONNX Scan over the time steps.

Source: BVLC recurrent_layer.cpp, rnn_layer.cpp, lstm_layer.cpp, lstm_unit_layer.cpp. T time steps, N streams, H units.
`cont` (T, N) multiplies what a stream keeps from its previous step; 0 begins a new sequence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...onnx_builder import OnnxBuilder
from ..call import Blob, LayerCall
from ..registry import layer

_OPTIONS = ("num_output", "expose_hidden", "debug_info")
_LSTM_STEP = (("h", [None, None]), ("c", [None, None]), ("gates", [None, None]), ("cont", [None]))
_RNN_STEP = (("h", [None, None]), ("x", [None, None]), ("cont", [None]))


@layer("LSTM", params="recurrent_param", options=_OPTIONS, source="BVLC lstm_layer.cpp")
def lstm(call: LayerCall) -> list[Blob]:
    """Gates i, f, o, g; blobs W_x (4H, D), b (4H), with a static input W_s (4H, S), and W_h (4H, H)."""
    units = call.params.integer("num_output")
    given, used = _inputs(call, 4 * units, states=2)
    weight = call.weight(used, (4 * units, units))
    body = OnnxBuilder(f"{call.layer.name}/step", call.builder.opset)
    before, cell, gates, cont = (body.input(f"{body.name}/{name}", shape) for name, shape in _LSTM_STEP)
    total = body.node("Add", [gates, _recur(body, before, cont, weight)])
    after_cell, after = lstm_step(body, cell, total, cont, units)
    answer = body.node("Identity", [after], f"{body.name}/answer")
    return _scan(call, body, [after, after_cell, answer], given, states=2)


@layer("RNN", params="recurrent_param", options=_OPTIONS, source="BVLC rnn_layer.cpp")
def rnn(call: LayerCall) -> list[Blob]:
    """Steps h = tanh(W_h h + W_x x + b), o = tanh(W_o h + b_o); blobs W_x, b, W_s for a static input, W_h, W_o, b_o."""
    units = call.params.integer("num_output")
    given, used = _inputs(call, units, states=1)
    weight = call.weight(used, (units, units))
    body = OnnxBuilder(f"{call.layer.name}/step", call.builder.opset)
    before, x, cont = (body.input(f"{body.name}/{name}", shape) for name, shape in _RNN_STEP)
    after = body.node("Tanh", [body.node("Add", [x, _recur(body, before, cont, weight)])], f"{body.name}/after")
    output = [
        body.constant(call.weight(used + 1, (units, units)), f"{body.name}/weight"),
        body.constant(call.weight(used + 2, (units,), init=0.0), f"{body.name}/bias"),
    ]
    answer = body.node("Tanh", [body.node("Gemm", [after, *output], transB=1)], f"{body.name}/answer")
    return _scan(call, body, [after, answer], given, states=1)


@layer("LSTMUnit", source="BVLC lstm_unit_layer.cpp")
def lstm_unit(call: LayerCall) -> list[Blob]:
    """One step of an LSTM: bottoms c (1, N, H), gates (1, N, 4H), cont (1, N); tops c and h."""
    cell, gates, cont = call.bottom(0), call.bottom(1), call.bottom(2)
    units = cell.shape[-1]
    if cell.rank != 3 or gates.shape != (*cell.shape[:2], 4 * units) or cont.shape != cell.shape[:2]:
        raise call.error(f"bottoms of shapes {[bottom.shape for bottom in call.bottoms]} do not fit each other")
    after_cell, after = lstm_step(call.builder, cell.tensor, gates.tensor, cont.tensor, units)
    return [call.like(after_cell), call.like(after)]


def lstm_step(builder: OnnxBuilder, cell: str, gates: str, cont: str, units: int) -> tuple[str, str]:
    """Gives c' = cont sigmoid(f) c + sigmoid(i) tanh(g) and h' = sigmoid(o) tanh(c'), over the last axis."""
    parts = [f"{gates}/{name}" for name in "ifog"]
    sizes = builder.integers([units] * 4, f"{gates}/sizes")
    i, f, o, g = builder.node_with_outputs("Split", [gates, sizes], parts, axis=-1)
    kept = builder.node("Mul", [builder.node("Sigmoid", [f]), _column(builder, cont)])
    added = builder.node("Mul", [builder.node("Sigmoid", [i]), builder.node("Tanh", [g])])
    after = builder.node("Add", [builder.node("Mul", [kept, cell]), added])
    return after, builder.node("Mul", [builder.node("Sigmoid", [o]), builder.node("Tanh", [after])])


def _column(builder: OnnxBuilder, tensor: str) -> str:
    return builder.node("Unsqueeze", [tensor, builder.integers([-1], f"{tensor}/axis")])


def _recur(body: OnnxBuilder, before: str, cont: str, weight: NDArray[np.float32]) -> str:
    """W_h (cont h)."""
    kept = body.node("Mul", [before, _column(body, cont)])
    return body.node("Gemm", [kept, body.constant(weight, f"{body.name}/recurrent_weight")], transB=1)


def _inputs(call: LayerCall, rows: int, *, states: int) -> tuple[str, int]:
    """What x and the static input, if there is one, give to every step (T, N, rows), and how many blobs that took."""
    x, cont = call.bottom(0), call.bottom(1)
    if x.rank < 2 or cont.shape != x.shape[:2] or rows < 1:
        raise call.error(f"needs x (T, N, ...), cont (T, N) and num_output, not bottoms {x.shape} and {cont.shape}")
    given = _project(call, x, 2, 0, rows)
    if not _has_static_input(call, states):
        return given, 2
    return call.node("Add", [given, _project(call, call.bottom(2), 1, 2, rows)]), 3


def _has_static_input(call: LayerCall, states: int) -> bool:
    return len(call.bottoms) > 2 + (states if call.params.boolean("expose_hidden") else 0)


def _project(call: LayerCall, x: Blob, axis: int, index: int, rows: int) -> str:
    """Gives x W^T with all axes from `axis` on as one; plus b for the input that comes step by step."""
    flat = call.node("Flatten", [x.tensor], axis=axis)
    weights = [call.parameter(index, (rows, math.prod(x.shape[axis:])))]
    if axis == 2:
        weights.append(call.parameter(index + 1, (rows,), init=0.0))
    y = call.node("Gemm", [flat, *weights], transB=1)
    return call.reshape(y, (*x.shape[:axis], rows), batch=x.batch)


def _scan(call: LayerCall, body: OnnxBuilder, results: Sequence[str], given: str, *, states: int) -> list[Blob]:
    """The loop; its tops are the answers (T, N, H) and, with expose_hidden, the last states (1, N, H)."""
    for name in results:
        body.output(name, [None, None])
    exposed = call.params.boolean("expose_hidden")
    names = [f"{body.name}/last_{index}" for index in range(states)]
    made = call.builder.node_with_outputs(
        "Scan",
        [*_first_states(call, states), given, call.bottom(1).tensor],
        [*names, f"{body.name}/answers"],
        name=call.layer.name,
        num_scan_inputs=2,
        body=body.build().to_model().graph,
    )
    x, units = call.bottom(), call.params.integer("num_output")
    tops = [call.top(made[states], (*x.shape[:2], units), batch=x.batch)]
    if not exposed:
        call.note("begins from a state of zeros at every run; expose_hidden carries it from one run to the next")
        return tops
    batch = 1 if x.batch == 1 else None
    shape = (1, x.shape[1], units)
    return [*tops, *(call.top(call.reshape(last, shape, batch=batch), shape, batch=batch) for last in made[:states])]


def _first_states(call: LayerCall, states: int) -> list[str]:
    """The states before the first step, (N, H) each: zeros, or with expose_hidden the last bottoms (1, N, H)."""
    x, units = call.bottom(), call.params.integer("num_output")
    if not call.params.boolean("expose_hidden"):
        shape = call.node("Slice", [call.node("Shape", [x.tensor]), call.integers([1]), call.integers([2])])
        zeros = call.node(
            "Expand", [call.constant(np.zeros((1, units))), call.node("Concat", [shape, call.integers([1])], axis=0)]
        )
        return [zeros] * states
    first = 2 + _has_static_input(call, states)
    bottoms = [call.bottom(first + index) for index in range(states)]
    if any(bottom.shape != (1, x.shape[1], units) for bottom in bottoms):
        raise call.error(f"states of shapes {[bottom.shape for bottom in bottoms]} where (1, N, num_output) is needed")
    return [call.node("Squeeze", [bottom.tensor, call.integers([0])]) for bottom in bottoms]
