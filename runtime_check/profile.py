"""Where a model's time goes, node by node, by onnxruntime's own profiler."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from .session import Feeds, Session

RUNS = 15

CONVOLUTIONS = frozenset({"Conv", "FusedConv", "QLinearConv", "ConvInteger"})
INTEGER_OPERATORS = frozenset({"QLinearConv", "ConvInteger", "QGemm", "QLinearMatMul", "MatMulInteger"})
REORDERS = frozenset({"ReorderInput", "ReorderOutput", "Transpose"})

_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear"})
_TIME_SUFFIX = "_kernel_time"
_BLOCKED_SUFFIX = "_nchwc"


@dataclass(frozen=True, slots=True)
class NodeTime:
    """One node of the graph that onnxruntime made of the model.

    Attributes:
        name: the node's own, or the tensor's that it makes; onnxruntime keeps the one or the other.
        operator: that was run.
        ms: median wall time, in milliseconds.
        blocked: whether it runs in the blocked layout NCHWc, onnxruntime's fastest for convolutions.
    """

    name: str
    operator: str
    ms: float
    blocked: bool


def profile(model: Any, feeds: Feeds, *, threads: int = 1, runs: int = RUNS) -> tuple[NodeTime, ...]:
    """Time the nodes of a model with all optimizations on.

    Args:
        model: what `session.Session` takes.
        feeds: one batch.
        threads: of onnxruntime.
        runs: how many to take the median of.

    Raises:
        ModelError: onnxruntime refuses the model.
    """
    with tempfile.TemporaryDirectory() as folder:
        session = Session(model, optimizations="all", threads=threads, profile_folder=Path(folder))
        for _ in range(runs + 1):  # the first warms up
            session.run(feeds)
        events = json.loads(session.end_profiling().read_text())
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_TIME_SUFFIX):
            times[event["name"].removesuffix(_TIME_SUFFIX), event["args"]["op_name"]].append(event["dur"] / 1000)
    return tuple(
        NodeTime(
            name.removesuffix(_BLOCKED_SUFFIX),
            operator,
            # A name may stand for several nodes: reorders have none of their own.
            median(found[len(found) // (runs + 1) :]) * (len(found) / (runs + 1)),
            blocked=name.endswith(_BLOCKED_SUFFIX),
        )
        for (name, operator), found in times.items()
    )


def describe(nodes: Sequence[NodeTime]) -> str:
    """Which convolutions run slower than they could, and what the changes of layout and type between them cost."""
    convolutions = [node for node in nodes if node.operator in CONVOLUTIONS]
    integer = [node for node in nodes if node.operator in INTEGER_OPERATORS]
    plain = [n.name for n in convolutions if not n.blocked and n.operator not in INTEGER_OPERATORS]
    total = sum(node.ms for node in nodes)
    said = [f"{len(convolutions)} convolutions in {total:.2f} ms"]
    if integer:
        said.append(f"{len(integer)} nodes compute in integers")
    if plain:
        shown = ", ".join(plain[:3]) + (", ..." if len(plain) > 3 else "")
        said.append(f"{len(plain)} float ones run outside the blocked layout ({shown})")
    for what, operators in (("reorders", REORDERS), ("QuantizeLinear and back", _CONVERSIONS)):
        found = [node.ms for node in nodes if node.operator in operators]
        if found:
            said.append(f"{what} take {sum(found):.2f} ms")
    return "; ".join(said)
