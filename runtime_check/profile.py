"""Where a model's time goes, node by node, by onnxruntime's own profiler."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .layout import REORDERS
from .session import Feeds, Session

RUNS = 15

CONVOLUTIONS = frozenset({"Conv", "FusedConv", "QLinearConv", "ConvInteger"})

_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear"})
_TIME_SUFFIX = "_kernel_time"
_BLOCKED_SUFFIX = "_nchwc"


@dataclass(frozen=True, slots=True)
class NodeTime:
    """One node of the graph that onnxruntime made of the model.

    Attributes:
        name: the node's own, or the tensor's that it makes; onnxruntime keeps the one or the other.
        operator: that was run.
        ms: wall time of the fastest run, in milliseconds; what else the machine does only adds to it.
    """

    name: str
    operator: str
    ms: float


def profile(model: Any, feeds: Feeds, *, threads: int = 1, runs: int = RUNS) -> tuple[NodeTime, ...]:
    """Time the nodes of a model with all optimizations on.

    Args:
        model: what `session.Session` takes.
        feeds: one batch.
        threads: of onnxruntime.
        runs: how many to take the fastest of.

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
            # A name may stand for several nodes: older onnxruntimes give reorders none of their own.
            min(float(run.sum()) for run in np.array_split(found, runs + 1)[1:]),
        )
        for (name, operator), found in times.items()
    )


def describe(nodes: Sequence[NodeTime]) -> str:
    """What the convolutions take, and what the changes of layout and type between them cost."""
    convolutions = [node.ms for node in nodes if node.operator in CONVOLUTIONS]
    said = [f"{len(convolutions)} convolutions in {sum(convolutions):.2f} of {sum(node.ms for node in nodes):.2f} ms"]
    for what, operators in (("changes of layout", REORDERS), ("QuantizeLinear and back", _CONVERSIONS)):
        found = [node.ms for node in nodes if node.operator in operators]
        if found:
            said.append(f"{what} take {sum(found):.2f} ms")
    return "; ".join(said)
