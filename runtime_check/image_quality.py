"""PSNR and SSIM: how far images that networks make lie from one another, or from what they should be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ..errors import DataError
from .quality import Quality
from .statistics import Difference, paired_difference

_SIGMA, _RADIUS = 1.5, 5
_K1, _K2 = 0.01, 0.03
HIGHEST_DB = 150.0
"""What the PSNR of equal images is counted as, so that means stay finite; float32 images differ by rounding below."""


class ImageMeter:
    """Gathers the quality of the images that one model or two make.

    Args:
        models: how many there are.
        peak: largest value of a pixel, 1 or 255.
    """

    def __init__(self, models: int, peak: float) -> None:
        self._models, self._peak = models, peak
        self._between: list[tuple[float, float]] = []
        self._to_target: list[list[tuple[float, float]]] = [[] for _ in range(models)]

    def add(self, images: Sequence[NDArray[Any]], targets: NDArray[Any] | None) -> None:
        """Take in one batch.

        Args:
            images: of each model, (B, C, H, W).
            targets: what they should be, if known.

        Raises:
            DataError: the targets have another shape.
        """
        if self._models == 2:
            self._between += [self._quality(a, b) for a, b in zip(*images, strict=True)]
        if targets is None:
            return
        if targets.shape != images[0].shape:
            raise DataError(
                f"the data's target images have the shape {targets.shape[1:]}, the model's output has "
                f"{images[0].shape[1:]}; give targets of the output's shape and range"
            )
        for model, made in enumerate(images):
            self._to_target[model] += [self._quality(a, b) for a, b in zip(targets, made, strict=True)]

    def qualities(self) -> tuple[Quality, ...]:
        """Means over all images."""
        found = []
        for figure, (name, unit) in enumerate((("PSNR", "dB"), ("SSIM", ""))):
            if self._between:
                found.append(Quality(f"{name} to the first model", unit, (_mean(self._between, figure),)))
            if self._to_target[0]:
                values = tuple(_mean(pairs, figure) for pairs in self._to_target)
                found.append(Quality(f"{name} to the target", unit, values))
        return tuple(found)

    def differences(self) -> tuple[Difference, ...]:
        """Of the second model's quality from the first's, where there are targets."""
        if self._models != 2 or not self._to_target[0]:
            return ()
        a, b = (np.array(pairs) for pairs in self._to_target)
        return (
            paired_difference("PSNR", "dB", a[:, 0], b[:, 0]),
            paired_difference("SSIM", "points of SSIM", a[:, 1], b[:, 1]),
        )

    def _quality(self, a: NDArray[Any], b: NDArray[Any]) -> tuple[float, float]:
        return psnr_db(a, b, self._peak), ssim(a, b, self._peak)


def psnr_db(a: NDArray[Any], b: NDArray[Any], peak: float) -> float:
    """Peak signal to noise ratio, 10 log10(peak^2 / mean((a - b)^2)), in dB; 150 for equal images."""
    error = float(((a.astype(np.float64) - b.astype(np.float64)) ** 2).mean())
    return min(HIGHEST_DB, 10 * math.log10(peak**2 / error)) if error else HIGHEST_DB


def ssim(a: NDArray[Any], b: NDArray[Any], peak: float) -> float:
    """Structural similarity of (C, H, W) images, the mean over channels and pixels.

    Wang, Bovik, Sheikh, Simoncelli: Image quality assessment, 2004: an 11x11 Gaussian window of sigma 1.5, K1 = 0.01
    and K2 = 0.03, only where the window lies inside the image; in images below 11 pixels, everywhere, mirrored at the
    edge.
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    c1, c2 = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    if min(similarity.shape[1:]) > 2 * _RADIUS:
        similarity = similarity[:, _RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
    return float(similarity.mean())


def _blur(values: NDArray[np.float64]) -> NDArray[np.float64]:
    blurred: NDArray[np.float64] = gaussian_filter(values, (0, _SIGMA, _SIGMA), radius=(0, _RADIUS, _RADIUS))
    return blurred


def _mean(pairs: Sequence[tuple[float, float]], figure: int) -> float:
    return float(np.mean([pair[figure] for pair in pairs]))
