"""The amounts that a direct-convolution runtime's latency is linear in.

onnxruntime computes convolutions in blocks of channels (NCHWc), with filters padded to the block. A conv whose input
channels are no multiple of 4 leaves that layout: its input is reordered, then im2col and a matrix product do the work,
and its output is reordered back (onnxruntime's core/optimizer/nchwc_transformer.cc and core/mlas/lib/snchwc.cpp).
"""

from __future__ import annotations

import math
from typing import Literal

from .work import Work

Feature = Literal[
    "conv_gflop",
    "single_block_gflop",
    "im2col_gflop",
    "depthwise_gflop",
    "activation_gb",
    "crossing_gb",
    "weight_gb",
    "product_gflop",
    "nodes",
]
"""What is counted, each with a coefficient in milliseconds per unit; operators add their own, 'op:LRN' and so on."""

Features = dict[str, float]

ALIGNMENT = 4
"""Input channels must be a multiple of this to stay in blocks."""

BLOCKS_AT_ONCE = 4
"""Blocks of filters that the kernel computes together; one left over alone runs slower."""


def is_blocked(work: Work, block: int) -> bool:
    """Whether a Conv runs in the blocked layout."""
    filters, per_group = work.shape[0], work.shape[1]
    if work.group == 1:
        return per_group < block or per_group % ALIGNMENT == 0
    if per_group == 1 and filters == work.group:
        return True
    return per_group % block == 0 and filters // work.group % block == 0


def takes_plain_input(work: Work, block: int) -> bool:
    """Whether a blocked Conv reads its input in the plain layout, as with an image's three channels."""
    return work.group == 1 and work.channels < block


def work_features(work: Work, block: int) -> Features:
    """What one Conv or product amounts to, layout changes at its edges left out."""
    if work.geometry is None:
        return product_features(work)
    found: Features = {"activation_gb": work.input_gb + work.output_gb, "nodes": 1.0}
    if not is_blocked(work, block):
        return {**found, "im2col_gflop": work.gflop}
    if work.is_depthwise:
        return {**found, "depthwise_gflop": work.gflop}
    blocks = math.ceil(work.shape[0] / work.group / block)
    padded = work.gflop * blocks * block * work.group / work.shape[0]
    found["conv_gflop"] = padded
    if blocks % BLOCKS_AT_ONCE == 1:
        found["single_block_gflop"] = padded / blocks
    return found


def product_features(work: Work) -> Features:
    """A product of one row reads each weight once for two operations: memory sets its pace."""
    found: Features = {"weight_gb": work.weight_gb, "nodes": 1.0}
    if work.rows > 1:
        found["product_gflop"] = work.gflop
    return found


def crossing_gb(work: Work, block: int) -> float:
    """Gigabytes that change layout at the edges of a Conv between blocked neighbours."""
    if work.geometry is None or work.input_size == (1, 1):
        return 0.0
    if not is_blocked(work, block):
        return work.input_gb + work.output_gb
    is_image = work.channels < ALIGNMENT
    return work.input_gb if takes_plain_input(work, block) and not is_image else 0.0
