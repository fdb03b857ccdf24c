"""Random options, inputs and weights of one MXNet operator, for mxnet_random_ops.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class Draw:
    """What one case needs, drawn from a seed.

    Args:
        mx: the module mxnet.
        seed: the same seed gives the same case.
    """

    def __init__(self, mx: Any, seed: int) -> None:
        self.mx, self.random = mx, np.random.RandomState(seed)
        self.inputs: dict[str, np.ndarray] = {}
        self.weights: dict[str, np.ndarray] = {}

    def pick(self, *choices: Any) -> Any:
        """One of the choices."""
        return choices[self.random.randint(len(choices))]

    def chance(self, probability: float) -> bool:
        """True that often."""
        return bool(self.random.rand() < probability)

    def number(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return int(self.random.randint(low, high + 1))

    def shape(self, low: int = 1, high: int = 4, most: int = 6) -> tuple[int, ...]:
        """Between `low` and `high` axes of at most `most`."""
        return tuple(self.number(1, most) for _ in range(self.number(low, high)))

    def data(self, shape: Sequence[int], name: str = "data", kind: str | int = "normal") -> Any:
        """An input variable; an integer `kind` draws whole numbers below it, from -1 on if it is negative."""
        values = self.random.randn(*shape)
        if kind == "positive":
            values = np.abs(values) + 0.3
        elif kind == "unit":
            values = self.random.uniform(-0.9, 0.9, shape)
        elif kind == "probability":
            values = self.random.uniform(0, 1, shape)
        elif isinstance(kind, int):
            values = self.random.randint(-1 if kind < 0 else 0, abs(kind), shape)
        elif kind == "distinct":
            values = self.random.permutation(int(np.prod(shape))).reshape(shape) / 7.0
        self.inputs[name] = values.astype("float32")
        return self.mx.sym.var(name)

    def weight(self, shape: Sequence[int], name: str, kind: str = "normal") -> Any:
        """A variable whose value goes into the params file."""
        values = self.random.randn(*shape)
        self.weights[name] = (np.abs(values) + 0.3 if kind == "positive" else values).astype("float32")
        return self.mx.sym.var(name)

    def maybe(self, **options: Any) -> dict[str, Any]:
        """Some of the options; MXNet's defaults serve for the others."""
        return {key: value for key, value in options.items() if self.random.rand() < 0.6}
