"""The amounts that a direct-convolution runtime's latency is linear in.

onnxruntime computes convolutions in blocks of channels (NCHWc), with channels and filters padded to the block. A conv
whose input channels are no multiple of 4 leaves that layout: its input is reordered, unfolded (im2col) and multiplied,
and its output is reordered back (onnxruntime's core/optimizer/nchwc_transformer.cc and core/mlas/lib/snchwc.cpp).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .work import FLOAT_BYTES, Work

Features = dict[str, float]
"""Amounts by name; a target has a coefficient in milliseconds per unit for each name."""

FEATURES = (
    "conv_gflop",
    "single_block_gflop",
    "single_run_gflop",
    "image_gflop",
    "depthwise_gflop",
    "depthwise_krows",
    "im2col_gflop",
    "unfolded_gb",
    "activation_gb",
    "far_activation_gb",
    "depthwise_gb",
    "far_depthwise_gb",
    "crossing_gb",
    "weight_gb",
    "product_weight_gb",
    "product_gflop",
    "nodes",
)
"""Those of Conv and products; other operators add one each, 'op:LRN' and the like, in nanoseconds per element."""

IMAGE_CHANNELS = 4
"""An input of fewer channels is an image, which comes in the plain layout anyway."""

BLOCKS_AT_ONCE = 4
"""Blocks of filters that the kernel computes together; one left over alone runs slower."""

CACHE_GB = 8e-3
"""What one core finds in the caches of today's servers; what is larger comes from memory."""

TAPS_IN_CACHE = 12
"""Kernels of more taps push their block of filters (4 KB a tap) out of the first-level cache for every single run."""

POSITIONS_AT_ONCE = 6
"""Output positions of a row that the kernel computes together; those that touch padding go one by one."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The runtime's blocked layout.

    Attributes:
        size: channels in a block.
        alignment: a Conv's input channels must be a multiple of this to stay in blocks; 1 where all convolutions do.
    """

    size: int
    alignment: int = 4


def is_blocked(work: Work, blocks: Blocks) -> bool:
    """Whether a Conv runs in the blocked layout."""
    filters, per_group = work.shape[0], work.shape[1]
    if blocks.alignment == 1 or (per_group == 1 and filters == work.group):
        return True
    if work.group == 1:
        return per_group < blocks.size or per_group % blocks.alignment == 0
    return per_group % blocks.size == 0 and filters // work.group % blocks.size == 0


def takes_plain_input(work: Work, blocks: Blocks) -> bool:
    """Whether a blocked Conv reads its input in the plain layout, as with an image's three channels."""
    return work.group == 1 and work.channels < blocks.size


def work_features(work: Work, blocks: Blocks) -> Features:
    """What one Conv or product amounts to, layout changes at its edges left out."""
    if work.geometry is None:
        return product_features(work)
    found: Features = {"nodes": 1.0}
    if not is_blocked(work, blocks):
        return found | _moved(work, "activation_gb") | _im2col_features(work)
    if work.is_depthwise:
        return found | _moved(work, "depthwise_gb") | _depthwise_features(work, blocks)
    return found | _moved(work, "activation_gb") | _blocked_features(work, blocks)


def product_features(work: Work) -> Features:
    """A product of one row reads each weight once for two operations: memory sets its pace."""
    found: Features = {"product_weight_gb": work.weight_gb, "nodes": 1.0}
    if work.rows > 1:
        found["product_gflop"] = work.gflop
    return found


def crossing_gb(work: Work, blocks: Blocks) -> float:
    """Gigabytes that change layout at the edges of a Conv between blocked neighbours."""
    if work.geometry is None or work.input_size == (1, 1):
        return 0.0
    if not is_blocked(work, blocks):
        return work.input_gb + work.output_gb
    is_image = work.channels < IMAGE_CHANNELS
    return work.input_gb if takes_plain_input(work, blocks) and not is_image else 0.0


def _moved(work: Work, name: str) -> Features:
    """Bytes read and written; dearer where they do not stay in the core's cache until the next node."""
    gigabytes = work.input_gb + work.output_gb
    return {f"far_{name}" if gigabytes > CACHE_GB else name: gigabytes}


def _blocked_features(work: Work, blocks: Blocks) -> Features:
    filters, channels = work.shape[0] // work.group, work.shape[1]
    if work.group > 1 and blocks.alignment == 1:
        return {"conv_gflop": work.gflop * taps_share(work), "weight_gb": work.weight_gb}
    sets = math.ceil(filters / blocks.size)
    gflop = work.gflop * sets * blocks.size / filters * taps_share(work)
    if takes_plain_input(work, blocks):
        return {"image_gflop": gflop}
    gflop *= math.ceil(channels / blocks.size) * blocks.size / channels
    found = {"conv_gflop": gflop, "single_run_gflop": gflop * single_run_share(work), "weight_gb": work.weight_gb}
    if sets % BLOCKS_AT_ONCE == 1:
        found["single_block_gflop"] = gflop / sets
    return found


def _depthwise_features(work: Work, blocks: Blocks) -> Features:
    return {"depthwise_gflop": work.gflop, "depthwise_krows": 1e-3 * work.output_size[0] * work.group / blocks.size}


def _im2col_features(work: Work) -> Features:
    geometry = work.geometry
    found = {"im2col_gflop": work.gflop}
    if geometry is not None and (geometry.kernel != (1, 1) or geometry.strides != (1, 1)):
        taps = geometry.kernel[0] * geometry.kernel[1]
        found["unfolded_gb"] = 1e-9 * FLOAT_BYTES * work.channels * taps * work.positions
    return found


def taps_share(work: Work) -> float:
    """The share of the kernel's taps that meet the input: those on padding are skipped."""
    if work.geometry is None or not any(work.geometry.pads):
        return 1.0
    return _axis_share(work, 0) * _axis_share(work, 1)


def _axis_share(work: Work, axis: int) -> float:
    geometry = work.geometry
    if geometry is None or not (geometry.pads[axis] or geometry.pads[axis + 2]):
        return 1.0
    size, outputs, kernel = work.input_size[axis], work.output_size[axis], geometry.kernel[axis]
    stride, dilation, pad = geometry.strides[axis], geometry.dilations[axis], geometry.pads[axis]
    met = 0
    for tap in range(kernel):
        offset = tap * dilation - pad
        first = max(0, -(offset // stride))
        last = min(outputs - 1, (size - 1 - offset) // stride)
        met += max(0, last - first + 1)
    return met / (outputs * kernel)


def single_run_share(work: Work) -> float:
    """The share of a row's output positions that are computed one by one."""
    geometry = work.geometry
    if geometry is None or math.prod(geometry.kernel) <= TAPS_IN_CACHE:
        return 0.0
    width = work.output_size[1]
    edges = sum(-(-pad // geometry.strides[1]) for pad in (geometry.pads[1], geometry.pads[3]))
    inner = max(0, width - edges)
    rest = inner % POSITIONS_AT_ONCE
    return 1.0 - (inner - rest % 3) / width
