"""How an image becomes a network's input; carried in the ONNX file, so that nobody types a mean twice.

The converters write it, `rewrite` keeps it, `check` and the calibration data readers apply it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import onnx

from .errors import ModelError

METADATA_KEY = "planish.preprocessing"
"""The key in `ModelProto.metadata_props`; its value is JSON."""

ChannelOrder = Literal["RGB", "BGR", "GRAY"]
Resize = Literal["warp", "short", "none"]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """From 8-bit pixels to the input tensor: resize, centre crop, reorder, then (pixel - mean) * scale.

    Attributes:
        input: the graph input it describes.
        size: (height, width) of the input tensor in pixels; None keeps the image's own size.
        channel_order: order of the input tensor's channels.
        mean: subtracted, per channel in `channel_order`, in units of 0..255; one value serves all channels.
        scale: multiplied after the mean is subtracted; one value serves all channels.
        resize: 'warp' resizes the whole image to `resize_to` squared (to `size` without it), 'short' its shorter side
            to `resize_to`; then the centre is cropped to `size`. 'none' does not resize.
        resize_to: pixels.
        mean_image: base64 of a float32 little-endian (C, H, W) image that is subtracted instead of `mean`, if any.
        mean_image_shape: its (C, H, W).
    """

    input: str = ""
    size: tuple[int, int] | None = None
    channel_order: ChannelOrder = "RGB"
    mean: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (1.0,)
    resize: Resize = "warp"
    resize_to: int | None = None
    mean_image: str = ""
    mean_image_shape: tuple[int, int, int] | None = None

    def to_json(self) -> str:
        """The document that stands in the model's metadata; only what differs from the defaults."""
        default = asdict(Preprocessing())
        facts = {key: value for key, value in asdict(self).items() if value != default[key]}
        return json.dumps(facts, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, where: str) -> Preprocessing:
        """Read `to_json`'s document; `where` names the model in errors.

        Raises:
            ModelError: the text is not such a document.
        """
        try:
            return cls(**_checked(json.loads(text)))
        except (ValueError, TypeError) as error:
            raise ModelError(
                f"{where}: metadata '{METADATA_KEY}' is damaged ({error}); give --mean, --scale and the like instead"
            ) from error

    def with_changes(self, **changes: Any) -> Preprocessing:
        """A copy in which every keyword that is not None replaces the field of its name."""
        return replace(self, **{key: value for key, value in changes.items() if value is not None})


def read_preprocessing(model: onnx.ModelProto, where: str = "model") -> Preprocessing | None:
    """What `model`'s metadata says, or None where it says nothing."""
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            return Preprocessing.from_json(entry.value, where)
    return None


def _checked(facts: Any) -> dict[str, Any]:
    """JSON knows neither tuples nor literals: restore the first, refuse what is not one of the second."""
    if not isinstance(facts, dict):
        raise TypeError("it is no JSON object")
    checked: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()}
    for key, is_right in _RIGHT.items():
        if key in checked and not is_right(checked[key]):
            raise ValueError(f"{key} is {checked[key]!r}")
    if checked.get("mean_image") and "mean_image_shape" not in checked:
        raise ValueError("mean_image has no mean_image_shape")
    return checked


def _numbers(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(number, int | float) for number in value)


def _sizes(value: Any, count: int) -> bool:
    return isinstance(value, tuple) and len(value) == count and all(_pixels(size) for size in value)


def _pixels(value: Any) -> bool:
    return isinstance(value, int) and value > 0


_RIGHT: dict[str, Callable[[Any], bool]] = {
    "input": lambda value: isinstance(value, str),
    "size": lambda value: value is None or _sizes(value, 2),
    "channel_order": lambda value: value in {"RGB", "BGR", "GRAY"},
    "mean": _numbers,
    "scale": _numbers,
    "resize": lambda value: value in {"warp", "short", "none"},
    "resize_to": lambda value: value is None or _pixels(value),
    "mean_image": lambda value: isinstance(value, str),
    "mean_image_shape": lambda value: _sizes(value, 3),
}
"""What a field of the document may be."""
