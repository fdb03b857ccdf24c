"""What Winograd's algorithm along the rows costs on onnxruntime, which the exact pass writes into a network.

The algorithm and its proof are with the rule, `passes.exact.winograd`; here is what it takes (docs/exact.md), so that
the budget knows what a convolution costs that is left dense.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..layers import ConvGeometry
from .features import CACHE_GB
from .work import FLOAT_BYTES, Work

ROWS: Mapping[int, tuple[int, ...]] = MappingProxyType({3: (4, 7), 5: (4,)})
"""By r, the rows of a kernel: m, how many rows of the result can be computed together."""

_INPUT_NS, _OUTPUT_NS = 0.4, 1.0
"""Nanoseconds per element to combine the rows, and to bring maps into the plain layout and back."""
_SUM_NS = 1.0
"""More than that where a residual sum reads the result, which the runtime would compute within the convolution."""
_FAR = 1.7
"""How many times that where both maps fill a third of the cache or more."""
_NODES_MS = 0.02
"""Milliseconds that two dozen nodes cost, however small they are."""
_LEAST_GAIN = 1.4
"""Times all that must be saved in products: a core that multiplies faster need not move data faster."""


@dataclass(frozen=True, slots=True)
class Bands:
    """How the rows of a convolution's result are computed together.

    Attributes:
        rows: m, of the result in one band.
        taps: r, rows of the kernel.
        count: bands that the result has, the last of them perhaps with fewer rows.
    """

    rows: int
    taps: int
    count: int

    @property
    def products(self) -> int:
        """How many products take the place of m r, n = m + r - 1."""
        return self.rows + self.taps - 1


def bands_of(geometry: ConvGeometry, height: int) -> Bands | None:
    """The bands with the fewest products for a result of `height` rows; None where there is no such algorithm.

    There is for 3 or 5 rows, at least as many columns, and no strides or dilations. The weights of more products are
    worth reading for more bands than one only.
    """
    taps, width = geometry.kernel
    if taps not in ROWS or width < taps or {*geometry.strides, *geometry.dilations} != {1}:
        return None
    least, *others = (Bands(rows, taps, math.ceil(height / rows)) for rows in ROWS[taps])
    choices = [least, *(bands for bands in others if bands.count > 1)]
    return min(choices, key=lambda bands: bands.products * bands.count)


def inner_geometry(geometry: ConvGeometry, bands: Bands) -> ConvGeometry:
    """Of the convolution of the combined rows."""
    _, left, _, right = geometry.pads
    return ConvGeometry((1, geometry.kernel[1]), pads=(0, left, 0, right), group=bands.products * geometry.group)


def inner_work(work: Work, block: int) -> Work | None:
    """The convolution of the combined rows; None where there is no such algorithm or groups fill no blocks."""
    geometry = work.geometry
    if geometry is None or work.shape[1] % block or work.shape[0] // work.group % block:
        return None
    bands = bands_of(geometry, work.output_size[0])
    if bands is None:
        return None
    shape = (bands.products * work.shape[0], work.shape[1], 1, geometry.kernel[1])
    return Work(shape, inner_geometry(geometry, bands), (bands.count, work.input_size[1]))


def moving_ms(work: Work, *, summed: bool) -> float:
    """Milliseconds that combining rows may cost, before and after the products.

    Args:
        work: the convolution.
        summed: whether a residual sum reads its result.
    """
    far = _FAR if work.input_gb + work.output_gb > CACHE_GB / 3 else 1.0
    output_ns = _OUTPUT_NS + (_SUM_NS if summed else 0.0)
    moved_ms = 1e3 * far * (_INPUT_NS * work.input_gb + output_ns * work.output_gb) / FLOAT_BYTES + _NODES_MS
    return _LEAST_GAIN * moved_ms
