"""What Winograd's algorithm along the rows costs on onnxruntime, which the exact pass writes into a network.

The algorithm and its proof are with the rule, `passes.exact.winograd`; here is what it takes (docs/exact.md), so that
the budget knows what a convolution costs that is left dense.
"""

from __future__ import annotations

import math

from ..layers import ConvGeometry
from .features import CACHE_GB
from .work import FLOAT_BYTES, Work

ROWS = 4
"""m, rows of the result that are computed together."""
TAPS = (3, 5)
"""r: rows of the kernels that have such an algorithm."""

_INPUT_NS, _OUTPUT_NS = 0.8, 1.6
"""Nanoseconds per element to combine the rows, and to bring maps into the plain layout and back."""
_SUM_NS = 1.0
"""More than that where a residual sum reads the result, which the runtime would compute within the convolution."""
_FAR = 2.0
"""How many times that where both maps fill half of the cache or more."""
_NODES_MS = 0.01
"""Milliseconds that a dozen nodes cost, however small they are."""
_LEAST_GAIN = 1.4
"""Times all that must be saved in products: a core that multiplies faster need not move data faster."""


def is_by_rows(geometry: ConvGeometry) -> bool:
    """Whether a Conv has 3 or 5 rows, at least as many columns, and no strides or dilations."""
    height, width = geometry.kernel
    return height in TAPS and width >= height and {*geometry.strides, *geometry.dilations} == {1}


def products(geometry: ConvGeometry) -> int:
    """How many products take the place of m r, n = m + r - 1."""
    return ROWS + geometry.kernel[0] - 1


def bands(height: int) -> int:
    """How many times m rows a result of so many rows has, the last time perhaps fewer."""
    return math.ceil(height / ROWS)


def inner_geometry(geometry: ConvGeometry) -> ConvGeometry:
    """Of the convolution of the combined rows."""
    _, left, _, right = geometry.pads
    return ConvGeometry((1, geometry.kernel[1]), pads=(0, left, 0, right), group=products(geometry) * geometry.group)


def inner_work(work: Work, block: int) -> Work | None:
    """The convolution of the combined rows; None where there is no such algorithm or groups fill no blocks."""
    geometry = work.geometry
    if geometry is None or not is_by_rows(geometry) or work.shape[1] % block or work.shape[0] // work.group % block:
        return None
    filters, columns = products(geometry) * work.shape[0], geometry.kernel[1]
    size = (bands(work.output_size[0]), work.input_size[1])
    return Work((filters, work.shape[1], 1, columns), inner_geometry(geometry), size)


def moving_ms(work: Work, *, summed: bool) -> float:
    """Milliseconds that combining rows may cost, before and after the products.

    Args:
        work: the convolution.
        summed: whether a residual sum reads its result.
    """
    far = _FAR if work.input_gb + work.output_gb > CACHE_GB / 2 else 1.0
    output_ns = _OUTPUT_NS + (_SUM_NS if summed else 0.0)
    moved_ms = 1e3 * far * (_INPUT_NS * work.input_gb + output_ns * work.output_gb) / FLOAT_BYTES + _NODES_MS
    return _LEAST_GAIN * moved_ms
