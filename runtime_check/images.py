"""From image files to input tensors: decode, resize, crop, reorder, normalize, as the model's metadata says."""

from __future__ import annotations

import base64
import os
from functools import lru_cache
from typing import BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import DataError
from ..preprocessing import Preprocessing

Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB or (H, W) gray."""

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".gif", ".tif", ".tiff", ".webp"})


_T = TypeVar("_T", bound=np.generic)

SIZE = "y: size"
"""What an image's (height, width) before preprocessing is called among a sample's values; no input has such a name."""


class BrokenImageError(DataError):
    """One image cannot be used; a dataset skips it, and names it."""


def read_image(file: str | os.PathLike[str] | BinaryIO, name: str = "") -> Image.Image:
    """Decode an image, turned as its EXIF orientation says.

    Args:
        file: a path or an open file.
        name: what to call it in errors; by default the path.

    Raises:
        BrokenImageError: no such file, no image, cut short, or of absurd size.
    """
    path = name or str(file)
    try:
        with Image.open(file) as image:
            image.load()
            return ImageOps.exif_transpose(image)
    except FileNotFoundError as error:
        raise BrokenImageError(f"{path}: no such file") from error
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise BrokenImageError(f"{path}: not a readable image ({error})") from error


def from_pixels(pixels: Pixels) -> Image.Image:
    """An (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) array of 8-bit values as an image."""
    return Image.fromarray(pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)


def to_tensor(image: Image.Image, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """The (C, H, W) input tensor for one image.

    Raises:
        BrokenImageError: the image is smaller than the crop that is not to be resized.
        DataError: mean or scale do not fit the channels.
    """
    pixels = _reorder(_resize(_as_mode(image, preprocessing), preprocessing), preprocessing.channel_order)
    mean = _mean_image(preprocessing)
    if mean is not None and mean.shape == pixels.shape:
        values = np.ascontiguousarray(_crop(pixels - mean, preprocessing.size))
    else:
        values = np.array(_crop(pixels, preprocessing.size), np.float32, order="C")
        values -= _per_channel(preprocessing.mean, len(values), "mean") if mean is None else _fitting(mean, values)
    values *= _per_channel(preprocessing.scale, len(values), "scale")
    return values


def to_image(tensor: NDArray[np.float32], preprocessing: Preprocessing) -> Image.Image:
    """The picture that a (C, H, W) input tensor shows: `to_tensor` undone, resizing and cropping aside."""
    values = tensor / np.where(scale := _per_channel(preprocessing.scale, len(tensor), "scale"), scale, 1)
    mean = _mean_image(preprocessing)
    values = values + (
        _per_channel(preprocessing.mean, len(tensor), "mean") if mean is None else _fitting(mean, tensor)
    )
    pixels = np.rint(values).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
    return from_pixels(np.ascontiguousarray(pixels[..., ::-1] if preprocessing.channel_order == "BGR" else pixels))


def place(corners: NDArray[np.float64], size: tuple[int, int], preprocessing: Preprocessing) -> NDArray[np.float64]:
    """Where boxes on an image lie on the input tensor that `to_tensor` makes of it.

    Args:
        corners: left, top, right, bottom in pixels of the image (n, 4).
        size: its height and width.
        preprocessing: what it goes through.

    Returns:
        Corners as fractions of the input (n, 4), cut off at its edges.
    """
    height, width = _resized(size, preprocessing)
    rows, columns = preprocessing.size or (height, width)
    top, left = (height - rows) // 2, (width - columns) // 2
    factors = (width / size[1], height / size[0]) * 2
    placed = (corners * factors - (left, top, left, top)) / (columns, rows, columns, rows)
    return np.asarray(placed.clip(0, 1))


def _as_mode(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits per channel, which PIL would clip at 255
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    return image.convert("L" if preprocessing.channel_order == "GRAY" else "RGB")


def _resize(image: Image.Image, preprocessing: Preprocessing) -> Pixels:
    width, height = image.size
    return _sample_bilinear(np.asarray(image, np.uint8), _resized((height, width), preprocessing))


def _resized(size: tuple[int, int], preprocessing: Preprocessing) -> tuple[int, int]:
    """What resizing makes of an image's (height, width), before it is cropped."""
    side = preprocessing.resize_to
    if preprocessing.resize == "warp":
        return (side, side) if side else preprocessing.size or size
    if preprocessing.resize == "none":
        return size
    side = side or min(preprocessing.size or size)
    factor = side / min(size)
    return max(side, round(size[0] * factor)), max(side, round(size[1] * factor))


def _sample_bilinear(pixels: Pixels, target: tuple[int, int]) -> Pixels:
    """Resize to (height, width) in the 11-bit arithmetic of OpenCV's INTER_LINEAR (imgproc/src/resize.cpp).

    Caffe and MXNet prepare their images with that. Pillow's own `resize` averages over all pixels when shrinking, which
    costs these frameworks' nets accuracy.
    """
    if target == pixels.shape[:2]:
        return pixels
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    above, below, down = _neighbours(pixels.shape[0], target[0])
    left, right, across = _neighbours(pixels.shape[1], target[1])
    used, rows = np.unique(np.concatenate([above, below]), return_inverse=True)
    # Rows of interleaved values, gathered while they are bytes: several times faster than along three axes.
    lines = pixels.reshape(len(pixels), -1)[used]
    across = np.repeat(across, channels, axis=1)
    wide = lines.take(_interleaved(left, channels), axis=1) * across[0]
    wide += lines.take(_interleaved(right, channels), axis=1) * across[1]
    wide >>= 4
    upper, lower = wide[rows[: len(above)]], wide[rows[len(above) :]]
    upper *= down[0][:, None]
    lower *= down[1][:, None]
    mixed = (upper >> 16) + (lower >> 16)
    resized: Pixels = ((mixed + 2) >> 2).astype(np.uint8).reshape(*target, *pixels.shape[2:])
    return resized


def _interleaved(places: NDArray[np.intp], channels: int) -> NDArray[np.intp]:
    """Where the values of the pixels at `places` lie in a row of pixels."""
    return (places[:, None] * channels + np.arange(channels)).ravel()


def _neighbours(size: int, target: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int32]]:
    """For every target pixel the two source pixels around its centre and (2, target) weights of theirs, in 1/2048."""
    position = ((np.arange(target) + 0.5) * (size / target) - 0.5).astype(np.float32)
    first = np.floor(position).astype(np.intp)
    second = (position - first).astype(np.float32)
    weights = np.rint(np.stack([1 - second, second]) * 2048).astype(np.int32)
    return first.clip(0, size - 1), (first + 1).clip(0, size - 1), weights


def _reorder(pixels: Pixels, channel_order: str) -> Pixels:
    """(H, W, C) or (H, W) pixels to (C, H, W)."""
    if pixels.ndim == 2:
        return pixels[None]
    ordered: Pixels = pixels.transpose(2, 0, 1)[:: -1 if channel_order == "BGR" else 1]
    return ordered


def _crop(values: NDArray[_T], size: tuple[int, int] | None) -> NDArray[_T]:
    """The centre of a (C, H, W) array."""
    if size is None:
        return values
    height, width = values.shape[1:]
    if height < size[0] or width < size[1]:
        raise BrokenImageError(
            f"{height}x{width} pixels are less than the crop of {size[0]}x{size[1]}; give a larger --resize-to"
        )
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    return values[:, top : top + size[0], left : left + size[1]]


def _per_channel(values: tuple[float, ...], channels: int, what: str) -> NDArray[np.float32]:
    if len(values) not in {1, channels}:
        raise DataError(f"preprocessing: {len(values)} values of {what} for {channels} channels; give 1 or {channels}")
    return np.asarray(values, np.float32).reshape(-1, 1, 1)


def _mean_image(preprocessing: Preprocessing) -> NDArray[np.float32] | None:
    if not preprocessing.mean_image:
        return None
    return _decode_mean(preprocessing.mean_image, preprocessing.mean_image_shape or (0, 0, 0))


@lru_cache(maxsize=4)
def _decode_mean(text: str, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    try:
        return np.frombuffer(base64.b64decode(text), "<f4").reshape(shape)
    except ValueError as error:
        raise DataError(f"preprocessing: the mean image is not one of shape {shape} ({error}); give --mean") from error


def _fitting(mean: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """`mean` (C, H, W), its centre cropped to the size of `values`, as Caffe does."""
    if len(mean) != len(values) or mean.shape[1] < values.shape[1] or mean.shape[2] < values.shape[2]:
        raise DataError(f"preprocessing: the mean image of shape {mean.shape} does not fit images of {values.shape}")
    return _crop(mean, (values.shape[1], values.shape[2]))
