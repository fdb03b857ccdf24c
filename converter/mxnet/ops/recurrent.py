"""The fused RNN operator: vanilla, LSTM and GRU, several layers, one or two directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..call import OperatorCall, Tensor, Unbound, Value
from ..registry import operator
from ..shapes import check_static

_GATES = {"rnn_relu": (0,), "rnn_tanh": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""MXNet's position of each of ONNX's gates: LSTM i f c o there, i o f c here; GRU r z h there, z r h here."""

_OPERATORS = {"rnn_relu": "RNN", "rnn_tanh": "RNN", "lstm": "LSTM", "gru": "GRU"}


@dataclass(frozen=True, slots=True)
class Stack:
    """Sizes of the fused operator.

    Attributes:
        mode: rnn_relu, rnn_tanh, lstm or gru.
        inputs: size of the data's last axis.
        hidden: size H of a state.
        layers: number of layers.
        directions: 1 or 2.
    """

    mode: str
    inputs: int
    hidden: int
    layers: int
    directions: int

    def sizes(self) -> list[tuple[int, int]]:
        """Of each matrix in the parameter vector: for each layer and direction input to hidden, hidden to hidden."""
        rows = len(_GATES[self.mode]) * self.hidden
        result = []
        for layer in range(self.layers):
            columns = self.hidden * self.directions if layer else self.inputs
            result += [(rows, columns), (rows, self.hidden)] * self.directions
        return result

    @property
    def parameters(self) -> int:
        """Length of the parameter vector: the matrices, then two biases of each layer and direction."""
        rows = len(_GATES[self.mode]) * self.hidden
        return sum(r * c for r, c in self.sizes()) + 2 * rows * self.layers * self.directions


@operator("RNN", source="src/operator/rnn-inl.h", outputs=("output", "state_output", "statecell_output"))
def recurrent(call: OperatorCall) -> Sequence[Value]:
    """Layers of RNN, LSTM or GRU over data (time, batch, features); the states begin at the given ones."""
    stack = _read(call)
    time, batch, _ = call.data.shape
    weights = _unpack(stack, call.weight(1, (stack.parameters,)))
    states = [_state(call, index, stack) for index in range(2, 4 if stack.mode == "lstm" else 3)]
    current: Tensor = call.data
    finals: list[list[str]] = []
    for layer, (x_weights, h_weights, biases) in enumerate(weights):
        begin = [_layer_state(call, state, layer, stack) for state in states]
        current, *last = _emit_layer(call, current, stack, (x_weights, h_weights, biases), begin)
        turned = call.emit("Transpose", [current], perm=[0, 2, 1, 3])
        current = call.reshape(turned, (time, batch, stack.directions * stack.hidden))
        finals.append(last)
    made = [call.value(str(current), (time, batch, stack.directions * stack.hidden))]
    for each in zip(*finals, strict=True):
        joined = call.emit("Concat", list(each), axis=0)
        made.append(call.value(joined, (stack.layers * stack.directions, batch, stack.hidden)))
    return made


def _read(call: OperatorCall) -> Stack:
    options = call.options
    mode = options.text("mode", tuple(_GATES))
    for key in ("projection_size", "lstm_state_clip_min", "lstm_state_clip_max"):
        if options.has(key):
            raise call.unsupported(f"{key} has no counterpart in ONNX's LSTM")
    if options.boolean("use_sequence_length", default=False):
        raise call.unsupported("use_sequence_length: convert with sequences of full length")
    options.has("state_outputs")
    options.has("lstm_state_clip_nan")
    if call.data.rank != 3:
        raise call.error(f"needs data (time, batch, features), not of shape {call.data.shape}")
    check_static(call.data.shape[2:], "the features follow the batch")
    layers, hidden = options.integer("num_layers"), options.integer("state_size")
    if min(layers, hidden) < 1:
        raise call.error(f"has {layers} layers with states of size {hidden}")
    directions = 2 if options.boolean("bidirectional", default=False) else 1
    return Stack(mode, call.data.shape[2], hidden, layers, directions)


_Layer = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def _unpack(stack: Stack, vector: NDArray[np.float32]) -> list[_Layer]:
    """W (D, G H, X), R (D, G H, H) and B (D, 2 G H) of each layer, in ONNX's order of gates."""
    matrices, place = [], 0
    for rows, columns in stack.sizes():
        matrices.append(_reorder(stack, vector[place : place + rows * columns].reshape(rows, columns)))
        place += rows * columns
    rows, d = len(_GATES[stack.mode]) * stack.hidden, stack.directions
    biases = [_reorder(stack, bias) for bias in vector[place:].reshape(-1, rows)]
    layers = []
    for first in range(0, len(matrices), 2 * d):
        own = matrices[first : first + 2 * d]
        bias = np.stack([np.concatenate(biases[first + 2 * i : first + 2 * i + 2]) for i in range(d)])
        layers.append((np.stack(own[::2]), np.stack(own[1::2]), bias))
    return layers


def _reorder(stack: Stack, array: NDArray[np.float32]) -> NDArray[np.float32]:
    gates = array.reshape(len(_GATES[stack.mode]), stack.hidden, *array.shape[1:])
    return gates[list(_GATES[stack.mode])].reshape(array.shape)


def _state(call: OperatorCall, index: int, stack: Stack) -> Value | None:
    """The initial state (layers * directions, batch, H); None if it is left open, which is zeros."""
    given = call.inputs[index] if index < len(call.inputs) else Unbound("state")
    if isinstance(given, Unbound) or given.open:
        call.note("begins with states of zero")
        return None
    wanted = (stack.layers * stack.directions, call.data.shape[1], stack.hidden)
    if given.shape != wanted:
        raise call.error(f"its state has shape {given.shape} where {wanted} is expected")
    return given


def _layer_state(call: OperatorCall, state: Value | None, layer: int, stack: Stack) -> Tensor:
    """The part of the initial state that belongs to a layer; '' leaves it at zero."""
    if state is None or stack.layers == 1:
        return state or ""
    bounds = [call.integers([number]) for number in (layer * stack.directions, (layer + 1) * stack.directions, 0)]
    return call.emit("Slice", [state, *bounds])


def _emit_layer(call: OperatorCall, data: Tensor, stack: Stack, weights: _Layer, states: Sequence[Tensor]) -> list[str]:
    """Y (time, D, batch, H) and the final states (D, batch, H)."""
    names = [call.constant(array) for array in weights]
    functions = {"rnn_relu": ["Relu"], "rnn_tanh": ["Tanh"]}.get(stack.mode)
    return call.emit_several(
        _OPERATORS[stack.mode],
        [data, *names, "", *states],
        1 + len(states),
        hidden_size=stack.hidden,
        direction="bidirectional" if stack.directions == 2 else "forward",
        activations=functions and functions * stack.directions,
        linear_before_reset=1 if stack.mode == "gru" else None,
    )
