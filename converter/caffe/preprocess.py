"""What a net says about its input's preprocessing, as metadata or as nodes of the graph."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto

from ...errors import SourceError
from ...preprocessing import ChannelOrder, Preprocessing
from ..onnx_builder import Dimension, OnnxBuilder
from .mean_file import mean_fields, read_mean
from .message import Message
from .net import Net, NetInput


def net_preprocessing(
    net: Net, given: Preprocessing | Mapping[str, Any] | None, notes: list[str]
) -> Preprocessing | None:
    """What `transform_param` of the net's data layer says, changed by what the user gives.

    Source: BVLC data_transformer.cpp: (pixel - mean) * scale on a centre crop, channels in OpenCV's order, BGR.

    Args:
        net: its first input of four axes is the image.
        given: a complete description, which stands alone, or fields that replace the net's own.
        notes: receives what the user should know.
    """
    image = next((entry for entry in net.inputs if entry.shape and len(entry.shape) == 4), None)
    if isinstance(given, Preprocessing) or image is None or image.shape is None:
        return given if isinstance(given, Preprocessing) else None
    changes = {name: value for name, value in (given or {}).items() if value is not None}
    if image.transform is None and not changes:
        return None
    fields = _transform_fields(
        image, Path(net.file).parent, notes, wants_mean=not {"mean", "mean_image"} & changes.keys()
    )
    order: ChannelOrder = "GRAY" if image.shape[1] == 1 else "BGR"
    size = (image.shape[2], image.shape[3])
    described = Preprocessing(input=image.name, size=size, channel_order=order).with_changes(**(fields | changes))
    shape = described.mean_image_shape
    if shape is not None and described.resize_to is None and shape[1] == shape[2] and shape[1:] != size:
        return described.with_changes(resize_to=shape[1])
    return described


def _transform_fields(entry: NetInput, folder: Path, notes: list[str], *, wants_mean: bool) -> dict[str, Any]:
    transform = entry.transform or Message()
    fields: dict[str, Any] = {}
    if transform.has("scale"):
        fields["scale"] = (transform.number("scale", 1.0),)
    if transform.has("mean_value"):
        fields["mean"] = tuple(transform.numbers("mean_value"))
    if transform.has("mean_file") and wants_mean:
        name = transform.string("mean_file")
        found = next((path for path in (folder / name, folder / Path(name).name) if path.is_file()), None)
        if found is None:
            notes.append(f"mean_file {name} is not there; give it, or the mean, with --mean")
        else:
            fields |= mean_fields(read_mean(found))
    return fields


@dataclass(frozen=True, slots=True)
class Embedding:
    """Preprocessing as the first nodes of a graph, which then takes RGB (or gray) pixels of 0..255.

    Attributes:
        preprocessing: what to do.
        uint8: whether the input is uint8 (N, H, W, C), as images are decoded, rather than float32 (N, C, H, W).
    """

    preprocessing: Preprocessing
    uint8: bool

    def input_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The graph input's shape for a blob of shape (N, C, H, W)."""
        return (shape[0], *shape[2:], shape[1]) if self.uint8 else shape

    @property
    def dtype(self) -> type[np.generic]:
        """The graph input's type."""
        return np.uint8 if self.uint8 else np.float32

    def emit(self, builder: OnnxBuilder, name: str, batch: Dimension, shape: tuple[int, ...]) -> str:
        """Declare the input and return the tensor that the net's blob `name` is.

        Raises:
            SourceError: mean or scale do not fit the input.
        """
        channels, height, width = shape[1:]
        if self.uint8:
            x = builder.input(name, [batch, height, width, channels], TensorProto.UINT8)
            x = builder.node("Transpose", [x], name=f"{name}/Transpose", perm=[0, 3, 1, 2])
            x = builder.node("Cast", [x], name=f"{name}/Cast", to=TensorProto.FLOAT)
        else:
            x = builder.input(name, [batch, channels, height, width])
        facts = self.preprocessing
        if facts.channel_order == "BGR":
            x = builder.node("Gather", [x, builder.integers([2, 1, 0])], name=f"{name}/swap", axis=1)
        mean, scale = _mean(facts, shape[1:]), _per_channel("scale", facts.scale, channels)
        if mean.any():
            x = builder.node("Sub", [x, builder.constant(mean, f"{name}/mean")], name=f"{name}/Sub")
        if (scale != 1).any():
            x = builder.node("Mul", [x, builder.constant(scale, f"{name}/scale")], name=f"{name}/Mul")
        return x

    def remaining(self) -> Preprocessing:
        """What is left to do outside of the graph."""
        order: ChannelOrder = "GRAY" if self.preprocessing.channel_order == "GRAY" else "RGB"
        return replace(
            self.preprocessing, channel_order=order, mean=(0.0,), scale=(1.0,), mean_image="", mean_image_shape=None
        )


def _mean(facts: Preprocessing, shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.float32]]:
    if facts.mean_image_shape is None:
        return _per_channel("mean", facts.mean, shape[0])
    channels, height, width = facts.mean_image_shape
    image = np.frombuffer(base64.b64decode(facts.mean_image), "<f4").reshape(channels, height, width)
    top, left = (height - shape[1]) // 2, (width - shape[2]) // 2
    if channels != shape[0] or top < 0 or left < 0:
        raise SourceError(f"a mean image of shape {image.shape} does not fit an input of shape {shape}")
    return image[:, top : top + shape[1], left : left + shape[2]].astype(np.float32)


def _per_channel(name: str, values: tuple[float, ...], channels: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    if len(values) not in (1, channels):
        raise SourceError(f"{len(values)} numbers of --{name} do not fit an input of {channels} channels")
    return np.asarray(values, np.float32).reshape(-1, 1, 1)
