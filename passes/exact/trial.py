"""Whether a rewrite makes a graph faster on this machine: measured, not predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_graphsurgeon as gs

from ...errors import PlanishError
from ...runtime_check.latency import Ratio, measure
from ...runtime_check.session import Feeds, Session
from ..graph import to_parts

SECONDS = 2.0
"""Measuring takes about this long per rule that matches, and 11 rounds at least."""


def speedup(
    before: gs.Graph, after: gs.Graph, input_shapes: Mapping[str, Sequence[int]], *, seconds: float = SECONDS
) -> Ratio:
    """How many times as fast `after` is as `before` in onnxruntime, at one thread, in CPU time, in turns.

    Args:
        before: a graph.
        after: another with the same inputs.
        input_shapes: of inputs whose sizes they leave open.
        seconds: how long to measure, 11 rounds at least.

    Raises:
        PlanishError: the graph's input sizes are open and not among `input_shapes`.
    """
    sessions = [Session(to_parts(graph), optimizations="all") for graph in (before, after)]
    measured = measure(sessions, noise(sessions[0], input_shapes), threads=1, seconds=seconds).cpu_ratio
    if measured is None:
        raise RuntimeError("two models were measured and no ratio came of it")
    return measured


def noise(session: Session, input_shapes: Mapping[str, Sequence[int]]) -> Feeds:
    """Seeded random inputs at batch 1.

    Args:
        session: a model.
        input_shapes: of inputs whose sizes it leaves open.

    Raises:
        PlanishError: a size is open and not among `input_shapes`, or an input is not float32.
    """
    rng = np.random.default_rng(0)
    feeds = {}
    for name, declared in session.input_shapes.items():
        shape = input_shapes.get(name) or [1, *declared[1:]]
        if not all(isinstance(size, int) for size in shape):
            raise PlanishError(f"--measure: the size of input '{name}' is open; give --input-shape {name}=1,3,224,224")
        if session.input_types[name] != "tensor(float)":
            raise PlanishError(
                f"--measure: input '{name}' is {session.input_types[name]}; only float inputs can be made up"
            )
        feeds[name] = rng.standard_normal([int(size) for size in shape]).astype(np.float32)
    return feeds
