"""Layers that move values between channels, space and batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..call import Blob, LayerCall
from ..registry import layer


@layer(
    "ShuffleChannel", params="shuffle_channel_param", options=("group",), source="ShuffleNet shuffle_channel_layer.cpp"
)
def shuffle_channel(call: LayerCall) -> Blob:
    """Channels (g, C / g) transposed to (C / g, g)."""
    x = call.bottom()
    group = call.params.integer("group", 1)
    if x.rank < 2 or group < 1 or x.shape[1] % group:
        raise call.error(f"the channels of its bottom of shape {x.shape} do not divide into {group} groups")
    split = call.reshape(x, (x.shape[0], group, x.shape[1] // group, math.prod(x.shape[2:])))
    return call.like(call.reshape(call.node("Transpose", [split], perm=[0, 2, 1, 3]), x.shape))


@layer("Reorg", params="reorg_param", options=("stride", "reverse"), source="YOLOv2 reorg_layer.cpp, reorg_cpu")
def reorg(call: LayerCall) -> Blob:
    """Darknet's space to depth, which reads its bottom as if it had C / s^2 channels of s times the size."""
    x, stride = call.bottom(), call.params.integer("stride", 0)
    if x.rank != 4 or stride < 1 or x.shape[1] % (stride * stride):
        raise call.error(f"stride {stride} must be above 0 and its square divide the channels of {x.shape}")
    n, c, h, w = x.shape
    if call.params.boolean("reverse"):
        y = call.node("DepthToSpace", [x.tensor], blocksize=stride, mode="DCR")
        return call.top(y, (n, c // stride**2, h * stride, w * stride))
    if h % stride or w % stride:
        raise call.error(f"stride {stride} does not divide the size {h} x {w} of its bottom")
    read = call.reshape(x, (n, c // stride**2, h, stride, w, stride))
    turned = call.node("Transpose", [read], perm=[0, 3, 5, 1, 2, 4])
    shape = (n, c * stride**2, h // stride, w // stride)
    return call.top(call.reshape(turned, shape), shape)


@layer(
    "DepthToSpace",
    params="depth_to_space_param",
    options=("block_size", "data_format"),
    source="Synopsys depth_to_space_layer.cpp",
)
def depth_to_space(call: LayerCall) -> Blob:
    """Blocks of channels become blocks of pixels; data_format NHWC (default), NCHW or DCR, or CRD."""
    x, block = call.bottom(), call.params.integer("block_size", 0)
    form = call.params.string("data_format", "NHWC")
    if form not in ("NHWC", "NCHW", "DCR", "CRD"):
        raise call.error(f"data_format {form} is none of NHWC, NCHW, DCR, CRD")
    channels = 3 if form == "NHWC" else 1
    if x.rank != 4 or block < 1 or x.shape[channels] % (block * block):
        raise call.error(f"block_size {block} must be above 0 and its square divide the channels of {x.shape}")
    shape = [size * block for size in x.shape]
    shape[0], shape[channels] = x.shape[0], x.shape[channels] // block**2
    if form != "NHWC":
        mode = "CRD" if form == "CRD" else "DCR"
        return call.top(call.node("DepthToSpace", [x.tensor], blocksize=block, mode=mode), shape)
    planes = call.node("Transpose", [x.tensor], perm=[0, 3, 1, 2])
    moved = call.node("DepthToSpace", [planes], blocksize=block, mode="DCR")
    return call.top(call.node("Transpose", [moved], perm=[0, 2, 3, 1]), shape)


def pixel_shuffle(call: LayerCall, block: int) -> Blob:
    """Synopsys' pixelshuffler in reshape_param (`reshape_layer.cpp`): each block of channels becomes one of pixels."""
    x = call.bottom()
    if x.rank != 4 or block < 1 or x.shape[1] % (block * block):
        raise call.error(f"pixelshuffler {block} must be above 0 and its square divide the channels of {x.shape}")
    n, c, h, w = x.shape
    y = call.node("DepthToSpace", [x.tensor], blocksize=block, mode="CRD")
    return call.top(y, (n, c // block**2, h * block, w * block))


@layer(
    "SpaceToBatchND",
    params="space_to_batch_nd_param",
    options=("block_shape", "paddings"),
    source="Synopsys space_to_batch_nd_layer.cpp",
)
def space_to_batch(call: LayerCall) -> Blob:
    """The cells of each block of the axes after the batch become samples, after padding by zeros."""
    x = call.bottom()
    blocks, paddings = _blocks(call, "paddings")
    before = [0, *paddings[::2], *[0] * (x.rank - 1 - len(blocks))]
    after = [0, *paddings[1::2], *[0] * (x.rank - 1 - len(blocks))]
    padded = [size + low + high for size, low, high in zip(x.shape, before, after, strict=True)]
    if any(size % block for size, block in zip(padded[1:], blocks, strict=False)):
        raise call.error(f"block_shape {blocks} does not divide the padded shape {padded}")
    data = call.node("Pad", [x.tensor, call.integers([*before, *after])]) if any(paddings) else x.tensor
    pairs = [size for n, block in zip(padded[1:], blocks, strict=False) for size in (n // block, block)]
    rest = padded[1 + len(blocks) :]
    split = call.reshape(data, [x.shape[0], *pairs, *rest])
    count = len(blocks)
    order = [*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count, 2), *range(2 * count + 1, 2 * count + 1 + len(rest))]
    turned = call.node("Transpose", [split], perm=order)
    shape = [x.shape[0] * math.prod(blocks), *pairs[::2], *rest]
    return call.top(call.reshape(turned, shape), shape)


@layer(
    "BatchToSpaceND",
    params="batch_to_space_nd_param",
    options=("block_shape", "crops"),
    source="Synopsys batch_to_space_nd_layer.cpp",
)
def batch_to_space(call: LayerCall) -> Blob:
    """The inverse of SpaceToBatchND: samples become the cells of blocks, then crops are cut off."""
    x = call.bottom()
    blocks, crops = _blocks(call, "crops")
    count, total = len(blocks), math.prod(blocks)
    if x.shape[0] % total:
        raise call.error(f"{x.shape[0]} samples do not divide into blocks of {total}")
    call.fix_batch(f"its batch must divide into blocks of {total}")
    split = call.reshape(x, [*blocks, x.shape[0] // total, *x.shape[1:]])
    pairs = [axis for index in range(count) for axis in (count + 1 + index, index)]
    turned = call.node("Transpose", [split], perm=[count, *pairs, *range(2 * count + 1, count + x.rank)])
    sizes = [size * block for size, block in zip(x.shape[1:], blocks, strict=False)]
    joined = call.reshape(turned, [x.shape[0] // total, *sizes, *x.shape[1 + count :]])
    shape = [size - low - high for size, low, high in zip(sizes, crops[::2], crops[1::2], strict=True)]
    if min(shape, default=1) < 1:
        raise call.error(f"crops {crops} leave nothing of {sizes}")
    whole = (x.shape[0] // total, *shape, *x.shape[1 + count :])
    if not any(crops):
        return call.top(joined, whole)
    ends = [low + size for low, size in zip(crops[::2], shape, strict=True)]
    bounds: list[Sequence[int]] = [crops[::2], ends, range(1, count + 1)]
    return call.top(call.node("Slice", [joined, *(call.integers(list(values)) for values in bounds)]), whole)


def _blocks(call: LayerCall, name: str) -> tuple[list[int], list[int]]:
    """The block's sizes and, two for each, the paddings or crops."""
    x = call.bottom()
    blocks, borders = call.params.integers("block_shape"), call.params.integers(name)
    if not 1 <= len(blocks) < x.rank or min(blocks) < 1 or len(borders) != 2 * len(blocks) or min(borders) < 0:
        raise call.error(f"block_shape {blocks} and {name} {borders} do not fit a bottom of shape {x.shape}")
    if x.batch not in (None, 0):
        call.fix_batch("the batch is not its first axis")
    return blocks, borders
