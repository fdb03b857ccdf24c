"""Writes a net as the JSON of an MXNet symbol, one layer to a line, so that an architecture reads as the paper's table.

Operators and their options are those of MXNet 1.9.1. Parameters are stored under two kinds of names: gluon's
`save_parameters` (since 1.2.1) writes the path through the blocks' attributes (`features.4.0.body.0.weight`), what came
before it a name made of the operators' kinds and numbers (`stage1_conv0_weight`). A symbol here has the first kind, and
keeps the second as an attribute of each variable.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

BLOCK_NAME = "__block_name__"
"""The attribute that holds a variable's name of the older kind."""

_VERSION = 10901


class SymbolWriter:
    """A net under construction: every method appends an operator and returns its name.

    Operators are numbered by kind as gluon's blocks are when they are created: conv0, conv1, stage1_conv0.

    Args:
        channels: of the input `data`.
        size: height and width of the input in pixels.
    """

    def __init__(self, channels: int, size: int) -> None:
        self._nodes: list[dict[str, Any]] = []
        self._places: dict[str, int] = {}
        self._counts: Counter[str] = Counter()
        self._stage = ""
        self._append("null", "data", [], {"__shape__": (1, channels, size, size)})

    def __str__(self) -> str:
        document = {
            "nodes": self._nodes,
            "arg_nodes": [index for index, node in enumerate(self._nodes) if node["op"] == "null"],
            "heads": [[len(self._nodes) - 1, 0, 0]],
            "attrs": {"mxnet_version": ["int", _VERSION]},
        }
        return json.dumps(document, indent=1) + "\n"

    def stage(self, name: str) -> None:
        """The names of what follows begin with `name` and '_'; with '' they stand for themselves again."""
        self._stage = f"{name}_" if name else ""

    def operator(self, op: str, kind: str, inputs: Sequence[str], path: str = "", **options: Any) -> str:
        """Append an operator of any type.

        Args:
            op: MXNet's name of it.
            kind: what it is called by, before its number.
            inputs: operators that it reads; names that begin with ':' are parameters of its own (':weight').
            path: of the block that holds its parameters.
            options: those that are not MXNet's defaults; None leaves one out.
        """
        stem = f"{self._stage}{kind}"
        name = f"{stem}{self._counts[stem]}"
        self._counts[stem] += 1
        for own in (entry[1:] for entry in inputs if entry.startswith(":")):
            self._append("null", f"{path}.{own}", [], {BLOCK_NAME: f"{name}_{own}"})
        entries = [f"{path}.{entry[1:]}" if entry.startswith(":") else entry for entry in inputs]
        self._append(op, name, entries, {key: value for key, value in options.items() if value is not None})
        return name

    def convolution(
        self,
        path: str,
        bottom: str,
        filters: int,
        kernel: int,
        *,
        pad: int = 0,
        stride: int = 1,
        group: int = 1,
        bias: bool = True,
    ) -> str:
        """A square convolution."""
        return self.operator(
            "Convolution",
            "conv",
            [bottom, ":weight", ":bias"] if bias else [bottom, ":weight"],
            path,
            kernel=(kernel, kernel),
            num_filter=filters,
            pad=(pad, pad) if pad else None,
            stride=None if stride == 1 else (stride, stride),
            num_group=None if group == 1 else group,
            no_bias=None if bias else True,
        )

    def dense(self, path: str, bottom: str, outputs: int) -> str:
        """A fully connected layer over the flattened sample."""
        return self.operator("FullyConnected", "dense", [bottom, ":weight", ":bias"], path, num_hidden=outputs)

    def batch_norm(self, path: str, bottom: str, *, scale: bool = True) -> str:
        """Batch normalization with gluon's eps of 1e-5; its gain counts as 1 without `scale`."""
        inputs = [bottom, ":gamma", ":beta", ":running_mean", ":running_var"]
        return self.operator("BatchNorm", "batchnorm", inputs, path, eps=1e-5, fix_gamma=not scale)

    def relu(self, bottom: str) -> str:
        """A ReLU."""
        return self.operator("Activation", "relu", [bottom], act_type="relu")

    def dropout(self, bottom: str, ratio: float) -> str:
        """Dropout; it does nothing at inference."""
        return self.operator("Dropout", "dropout", [bottom], p=ratio)

    def add(self, first: str, second: str) -> str:
        """The sum of two tensors of one shape."""
        return self.operator("elemwise_add", "plus", [first, second])

    def concat(self, parts: Sequence[str]) -> str:
        """The channels of all parts."""
        return self.operator("Concat", "concat", parts, dim=1, num_args=len(parts))

    def flatten(self, bottom: str) -> str:
        """All axes but the batch become one."""
        return self.operator("Flatten", "flatten", [bottom])

    def max_pool(self, bottom: str, kernel: int, stride: int, *, pad: int = 0, convention: str = "valid") -> str:
        """Max pooling; `full` rounds the output's size up, `valid` down."""
        return self.operator(
            "Pooling",
            "pool",
            [bottom],
            kernel=(kernel, kernel),
            stride=(stride, stride),
            pad=(pad, pad) if pad else None,
            pool_type="max",
            pooling_convention=convention,
        )

    def average_pool(self, bottom: str, kernel: int | None = None) -> str:
        """Average pooling whose windows do not overlap, over the whole image where no kernel is given."""
        size = (kernel or 1, kernel or 1)
        everything = None if kernel else True
        return self.operator(
            "Pooling", "pool", [bottom], kernel=size, stride=size, pool_type="avg", global_pool=everything
        )

    def _append(self, op: str, name: str, inputs: Sequence[str], options: dict[str, Any]) -> None:
        self._places[name] = len(self._nodes)
        node: dict[str, Any] = {"op": op, "name": name}
        if options:
            node["attrs"] = {key: str(value) for key, value in options.items()}
        self._nodes.append({**node, "inputs": [[self._places[entry], 0, 0] for entry in inputs]})


def with_block_names(symbol: str) -> str:
    """The symbol with its parameters named as before MXNet 1.2.1."""
    document = json.loads(symbol)
    for node in document["nodes"]:
        node["name"] = node.get("attrs", {}).get(BLOCK_NAME, node["name"])
    return json.dumps(document, indent=1) + "\n"
