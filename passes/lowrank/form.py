"""What a low-rank form is: the chain of smaller layers that takes one layer's place, and how its weights are found."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..layers import ConvGeometry, Layer
from ..options import Ranks

Weights = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stage:
    """One layer of the chain, without its weights.

    Attributes:
        suffix: appended to the replaced layer's name.
        shape: of the weight: (out, in / G, kh, kw) of a Conv, (out, in) of a product.
        geometry: of a Conv; None for a product.
        operator: what averages the map to one position and has no weights, of shape (0,); None for a Conv or product.
    """

    suffix: str
    shape: tuple[int, ...]
    geometry: ConvGeometry | None = None
    operator: str | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """What takes a layer's place.

    Attributes:
        weights: of each stage.
        bias: of the last stage; None for none.
    """

    weights: Sequence[Weights]
    bias: Weights | None


class Factorization(ABC):
    """A layer taken apart once, to be cut at any rank."""

    @abstractmethod
    def errors(self, offered: Sequence[Ranks]) -> list[float]:
        """Squared error of the output over its squared norm at all ranks, or of the weights where there is no data."""

    @abstractmethod
    def chain(self, ranks: Ranks) -> Chain:
        """The stages' weights at these ranks."""


class Form(ABC):
    """One way to write a layer as a chain of cheaper ones; exact at full rank.

    Attributes:
        name: in plans, on the command line, and of the form's file.
        fitted: whether its weights are fitted to data, and what it loses follows from the error of the layer's output;
            otherwise its effect on the network is measured by itself.
    """

    name: ClassVar[str]
    fitted: ClassVar[bool] = True

    @abstractmethod
    def declines(self, layer: Layer) -> str | None:
        """Why `layer` cannot take this form; None if it can."""

    @abstractmethod
    def full_ranks(self, layer: Layer) -> Ranks:
        """The ranks at which nothing is lost; above them, nothing is gained."""

    @abstractmethod
    def stages(self, layer: Layer, ranks: Ranks) -> Sequence[Stage]:
        """The chain at these ranks."""

    @abstractmethod
    def factorize(self, layer: Layer) -> Factorization:
        """Take the layer's weights apart."""

    def macs(self, layer: Layer, ranks: Ranks) -> int:
        """Multiply-accumulates per sample of the chain: each stage's follow its own output size."""
        size, total = layer.input_size, 0
        for stage in self.stages(layer, ranks):
            positions = layer.rows
            if stage.operator is not None:
                size = (1, 1)
            elif stage.geometry is not None:
                size = stage.geometry.output_size(size)
                positions = math.prod(size)
            total += math.prod(stage.shape) * positions
        return total

    def params(self, layer: Layer, ranks: Ranks) -> int:
        """Parameters of the chain, the bias included."""
        weights = sum(math.prod(stage.shape) for stage in self.stages(layer, ranks))
        return weights + (0 if layer.bias is None else layer.bias.size)
