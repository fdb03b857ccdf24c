"""Decoding and preprocessing, against OpenCV and against arithmetic by hand."""

import base64

import cv2
import numpy as np
import pytest
from PIL import Image
from planish.errors import DataError
from planish.preprocessing import Preprocessing
from planish.runtime_check.images import BrokenImageError, from_pixels, read_image, to_tensor


@pytest.mark.parametrize(("size", "target"), [((31, 47), (256, 256)), ((300, 211), (64, 80)), ((9, 200), (20, 33))])
@pytest.mark.parametrize("channels", [1, 3])
def test_resizing_equals_opencv_bit_by_bit(rng, size, target, channels):
    pixels = rng.integers(0, 256, (*size, channels)).astype(np.uint8)
    wanted = cv2.resize(pixels, target[::-1], interpolation=cv2.INTER_LINEAR).reshape(*target, channels)
    order = "GRAY" if channels == 1 else "RGB"
    given = to_tensor(from_pixels(pixels), Preprocessing(size=target, channel_order=order, resize="warp"))
    np.testing.assert_array_equal(given, wanted.transpose(2, 0, 1))


def test_warp_resizes_all_and_crops_the_centre(rng):
    pixels = rng.integers(0, 256, (50, 70, 3)).astype(np.uint8)
    wanted = cv2.resize(pixels, (32, 32), interpolation=cv2.INTER_LINEAR)[6:26, 4:28].transpose(2, 0, 1)
    given = to_tensor(from_pixels(pixels), Preprocessing(size=(20, 24), resize="warp", resize_to=32))
    np.testing.assert_array_equal(given, wanted)


def test_short_keeps_the_proportions(rng):
    pixels = rng.integers(0, 256, (40, 60, 3)).astype(np.uint8)
    wanted = cv2.resize(pixels, (48, 32), interpolation=cv2.INTER_LINEAR)[:, 8:40].transpose(2, 0, 1)
    given = to_tensor(from_pixels(pixels), Preprocessing(size=(32, 32), resize="short", resize_to=32))
    np.testing.assert_array_equal(given, wanted)


def test_channel_order_mean_and_scale(rng):
    pixels = rng.integers(0, 256, (4, 6, 3)).astype(np.uint8)
    how = Preprocessing(channel_order="BGR", mean=(1.0, 2.0, 3.0), scale=(0.5, 0.25, 2.0), resize="none")
    wanted = [(pixels[..., 2 - c] - how.mean[c]) * how.scale[c] for c in range(3)]
    np.testing.assert_allclose(to_tensor(from_pixels(pixels), how), wanted, rtol=1e-6)


@pytest.mark.parametrize("mean_size", [(8, 10), (4, 6)])
def test_mean_image_is_cropped_with_the_image(rng, mean_size):
    pixels = rng.integers(0, 256, (8, 10, 3)).astype(np.uint8)
    mean = rng.uniform(0, 255, (3, *mean_size)).astype("<f4")
    text = base64.b64encode(mean.tobytes()).decode()
    how = Preprocessing(size=(4, 6), resize="none", mean_image=text, mean_image_shape=mean.shape)
    centre = mean[:, 2:6, 2:8] if mean_size == (8, 10) else mean
    np.testing.assert_allclose(to_tensor(from_pixels(pixels), how), pixels[2:6, 2:8].transpose(2, 0, 1) - centre)


def test_gray_images_feed_colour_nets_and_the_other_way_round(rng):
    gray = rng.integers(0, 256, (4, 6)).astype(np.uint8)
    np.testing.assert_array_equal(to_tensor(from_pixels(gray), Preprocessing(resize="none")), np.stack([gray] * 3))
    colour = np.repeat(gray[..., None], 3, axis=2)
    how = Preprocessing(resize="none", channel_order="GRAY")
    np.testing.assert_array_equal(to_tensor(from_pixels(colour), how), gray[None])


def test_sixteen_bit_images_lose_their_lower_byte(tmp_path, rng):
    values = rng.integers(0, 65536, (4, 6)).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    how = Preprocessing(resize="none", channel_order="GRAY")
    np.testing.assert_array_equal(to_tensor(read_image(tmp_path / "deep.png"), how), values[None] >> 8)


def test_exif_orientation_is_followed(tmp_path, rng):
    image = Image.fromarray(rng.integers(0, 256, (4, 6, 3)).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 270 degrees to see it upright
    image.save(tmp_path / "turned.png", exif=exif)
    assert read_image(tmp_path / "turned.png").size == (4, 6)


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_broken_images_are_named(tmp_path, content):
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(BrokenImageError, match=r"bad\.png: not a readable image"):
        read_image(tmp_path / "bad.png")


def test_cut_jpeg_is_broken(tmp_path, rng):
    Image.fromarray(rng.integers(0, 256, (64, 96, 3)).astype(np.uint8)).save(tmp_path / "whole.jpg")
    content = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(BrokenImageError, match=r"half\.jpg"):
        read_image(tmp_path / "half.jpg")


def test_missing_image_is_named(tmp_path):
    with pytest.raises(BrokenImageError, match="no such file"):
        read_image(tmp_path / "none.png")


def test_image_smaller_than_the_crop(rng):
    pixels = rng.integers(0, 256, (4, 6, 3)).astype(np.uint8)
    with pytest.raises(BrokenImageError, match="4x6 pixels are less than the crop of 5x5"):
        to_tensor(from_pixels(pixels), Preprocessing(size=(5, 5), resize="none"))


@pytest.mark.parametrize("field", ["mean", "scale"])
def test_values_that_do_not_fit_the_channels(rng, field):
    pixels = rng.integers(0, 256, (4, 6, 3)).astype(np.uint8)
    with pytest.raises(DataError, match=f"2 values of {field} for 3 channels"):
        to_tensor(from_pixels(pixels), Preprocessing(resize="none", **{field: (1.0, 2.0)}))


def test_mean_image_of_the_wrong_size(rng):
    mean = np.zeros((3, 2, 2), "<f4")
    how = Preprocessing(
        resize="none", mean_image=base64.b64encode(mean.tobytes()).decode(), mean_image_shape=mean.shape
    )
    with pytest.raises(DataError, match=r"mean image of shape \(3, 2, 2\) does not fit"):
        to_tensor(from_pixels(rng.integers(0, 256, (4, 6, 3)).astype(np.uint8)), how)
