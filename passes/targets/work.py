"""What one Conv, Gemm or MatMul asks of a runtime, in plain numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..layers import ConvGeometry, Layer

FLOAT_BYTES = 4


class Stage(Protocol):
    """One layer of a chain that takes a layer's place, without its weights (see `passes.lowrank.form.Stage`)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight: (out, in / G, kh, kw) of a Conv, (out, in) of a product."""

    @property
    def geometry(self) -> ConvGeometry | None:
        """Of a Conv; None for a product."""

    @property
    def operator(self) -> str | None:
        """What averages the map to one position, in the place of a Conv or product."""


@dataclass(frozen=True, slots=True)
class Work:
    """One Conv or matrix product at batch 1.

    Attributes:
        shape: of the weight: (N, C/G, kh, kw) of a Conv, (N, C) of a product.
        geometry: of a Conv; None for a product.
        input_size: (H, W) of a Conv's input.
        rows: how many rows a product multiplies.
    """

    shape: tuple[int, ...]
    geometry: ConvGeometry | None = None
    input_size: tuple[int, int] = (1, 1)
    rows: int = 1

    @property
    def group(self) -> int:
        """G; 1 for a product."""
        return 1 if self.geometry is None else self.geometry.group

    @property
    def channels(self) -> int:
        """C over all groups."""
        return self.shape[1] * self.group

    @property
    def output_size(self) -> tuple[int, int]:
        """(H, W) of a Conv's output."""
        return (1, 1) if self.geometry is None else self.geometry.output_size(self.input_size)

    @property
    def positions(self) -> int:
        """Output positions of a Conv, rows of a product."""
        return self.rows if self.geometry is None else math.prod(self.output_size)

    @property
    def is_depthwise(self) -> bool:
        """Whether every filter sees one channel alone."""
        return self.group > 1 and self.shape[1] == 1

    @property
    def gflop(self) -> float:
        """Billions of multiplications and additions."""
        return 2e-9 * math.prod(self.shape) * self.positions

    @property
    def input_gb(self) -> float:
        """Gigabytes of the input."""
        positions = self.rows if self.geometry is None else math.prod(self.input_size)
        return 1e-9 * FLOAT_BYTES * self.channels * positions

    @property
    def output_gb(self) -> float:
        """Gigabytes of the output."""
        return 1e-9 * FLOAT_BYTES * self.shape[0] * self.positions

    @property
    def weight_gb(self) -> float:
        """Gigabytes of the weights."""
        return 1e-9 * FLOAT_BYTES * math.prod(self.shape)


def layer_work(layer: Layer) -> Work:
    """The work of `layer` as it is."""
    return Work(tuple(layer.weight.shape), layer.geometry, layer.input_size, max(1, layer.rows))


def chain_works(layer: Layer, stages: Sequence[Stage]) -> Iterator[Work]:
    """The work of each Conv or product of a chain in the place of `layer`."""
    size = layer.input_size
    for stage in stages:
        if stage.operator is not None:
            size = (1, 1)
            continue
        work = Work(stage.shape, stage.geometry, size, max(1, layer.rows))
        yield work
        size = work.output_size
