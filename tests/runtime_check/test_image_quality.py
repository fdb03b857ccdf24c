"""PSNR against OpenCV's, SSIM against its definition written out."""

import cv2
import numpy as np
import pytest
from planish.errors import DataError
from planish.runtime_check.image_quality import ImageMeter, psnr_db, ssim


def images(rng, *shape):
    a = rng.uniform(0, 255, shape)
    return a, np.clip(a + rng.normal(0, 12, shape), 0, 255)


def test_psnr_equals_opencv(rng):
    a, b = images(rng, 3, 17, 23)
    assert psnr_db(a, b, 255) == pytest.approx(cv2.PSNR(a, b, 255), rel=1e-9)
    assert psnr_db(a, a, 255) == 150


def test_ssim_is_its_definition(rng):
    a, b = images(rng, 1, 14, 19)
    place = np.arange(11) - 5
    window = np.exp(-(place[:, None] ** 2 + place**2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for top in range(14 - 10):
        for left in range(19 - 10):
            x, y = (image[0, top : top + 11, left : left + 11] for image in (a, b))
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
            cov = (window * (x - mx) * (y - my)).sum()
            values.append((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    assert ssim(a, b, 255) == pytest.approx(np.mean(values), rel=1e-9)
    assert ssim(a, a, 255) == pytest.approx(1)


def test_small_images_have_a_similarity_too(rng):
    a, b = images(rng, 3, 6, 9)
    assert 0 < ssim(a, b, 255) < 1


def test_targets_and_differences(rng):
    target = rng.uniform(0, 1, (6, 1, 16, 20))
    good, bad = target + rng.normal(0, 0.01, target.shape), target + rng.normal(0, 0.05, target.shape)
    meter = ImageMeter(2, 1.0)
    for part in (slice(4), slice(4, 6)):
        meter.add([good[part], bad[part]], target[part])
    found = {quality.name: quality.values for quality in meter.qualities()}
    assert list(found) == [
        "PSNR to the first model",
        "PSNR to the target",
        "SSIM to the first model",
        "SSIM to the target",
    ]
    assert found["PSNR to the target"] == pytest.approx((40, 26), abs=0.5)
    psnr, similarity = meter.differences()
    assert psnr.verdict.startswith("loses 14 ") or psnr.verdict.startswith("loses 13 ")
    assert similarity.high < 0


def test_without_targets_the_models_are_compared(rng):
    a, b = images(rng, 2, 3, 16, 20)
    meter = ImageMeter(2, 255)
    meter.add([a, b], None)
    assert len(meter.qualities()) == 2
    assert meter.differences() == ()
    assert ImageMeter(1, 1.0).qualities() == ()


def test_targets_of_another_shape(rng):
    with pytest.raises(
        DataError, match=r"target images have the shape \(1, 8, 9\), the model's output has \(1, 16, 18\)"
    ):
        ImageMeter(1, 1.0).add([np.zeros((2, 1, 16, 18))], np.zeros((2, 1, 8, 9)))
