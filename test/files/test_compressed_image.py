"""Compressed images as drivers and image_transport make them, and damaged ones."""

import struct

import cv2
import numpy as np
import pytest

from depth_pc_ros.errors import ImageError
from depth_pc_ros.files.compressed_image import decode_colour, decode_depth

FIELDS = np.array([[[200, 40, 90], [30, 180, 60]], [[50, 70, 210], [120, 120, 120]]], np.uint8)
RGB = FIELDS.repeat(24, axis=0).repeat(32, axis=1)  # 64 x 48
BGR = RGB[..., ::-1]


def encoded(suffix: str, pixels: np.ndarray) -> bytes:
    """As OpenCV writes it, to which colours are BGR."""
    return cv2.imencode(suffix, pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


@pytest.mark.parametrize(
    ("data", "format", "tolerance"),
    [
        (encoded(".jpg", BGR), "jpeg", 6),
        (encoded(".jpg", BGR), "", 6),
        (encoded(".jpg", BGR), "bgr8; jpeg compressed bgr8", 6),
        (encoded(".jpg", BGR), "yuv422_yuy2; jpeg compressed bgr8", 6),
        (encoded(".jpg", RGB), "rgb8; jpeg compressed rgb8", 6),
        (encoded(".png", BGR), "png", 0),
        (encoded(".png", BGR), "rgb8; png compressed bgr8", 0),
        (encoded(".png", BGR.astype(np.uint16) * 257), "rgb16; png compressed bgr16", 0),
        (encoded(".png", np.dstack([BGR, RGB[..., 0]])), "bgra8; png compressed ", 0),
    ],
)
def test_colours_come_back(data, format, tolerance):
    rgb = decode_colour(data, format, "image", size=(64, 48))
    assert np.abs(rgb.astype(int) - RGB)[4:20, 4:28].max() <= tolerance
    assert np.abs(rgb.astype(int) - RGB)[28:-4, 36:-4].max() <= tolerance


def test_grey_and_a_mosaic_that_png_keeps_as_it_is():
    assert (decode_colour(encoded(".png", RGB[..., 0]), "mono8; png compressed ", "image") == RGB[..., :1]).all()
    mosaic = np.take_along_axis(RGB, np.tile([[0, 1], [1, 2]], (24, 32))[..., None], axis=2)[..., 0]
    for bits, scale in ((8, 1), (16, 257)):
        png = encoded(".png", mosaic.astype(np.uint8 if bits == 8 else np.uint16) * scale)
        rgb = decode_colour(png, f"bayer_rggb{bits}; png compressed ", "image")
        np.testing.assert_array_equal(rgb[4:20, 4:28], RGB[4:20, 4:28])


def test_depth_in_millimetres_and_as_quantised_inverse():
    mm = np.array([[0, 500, 1000], [1500, 2000, 65535]], np.uint16)
    head = struct.pack("<iff", 0, 0.0, 0.0)
    for data in (head + encoded(".png", mm), encoded(".png", mm)):
        np.testing.assert_allclose(decode_depth(data, "16UC1; compressedDepth png", "depth"), 1e-3 * mm, rtol=1e-6)
    # The publisher's defaults: quantisation 100, depth up to 10 m.
    a = 100.0 * 101.0
    b = 1 - a / 10.0
    metres = np.array([[0.3, 0.7], [2.0, 9.5]])
    quantised = np.rint(a / metres + b).astype(np.uint16)
    data = struct.pack("<iff", 0, a, b) + encoded(".png", np.pad(quantised, ((0, 1), (0, 0))))
    got = decode_depth(data, "32FC1; compressedDepth png", "depth", size=(2, 3))
    np.testing.assert_allclose(got[:2], metres, rtol=5e-3)
    assert (got[2] == 0).all()


def bomb() -> bytes:
    """The first bytes of a PNG that says 60000 x 60000."""
    png = bytearray(encoded(".png", RGB))
    png[16:24] = struct.pack(">II", 60000, 60000)
    return bytes(png)


JPEG = encoded(".jpg", np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an image"),
        (b"\0" * 1000, "not an image"),
        (JPEG[: len(JPEG) // 2], "not a whole image"),
        (JPEG[: len(JPEG) // 2] + JPEG[-2:], "its data end before its last rows"),
        (encoded(".png", RGB)[:-30], "not a whole image"),
        (bomb(), "image: "),
        (encoded(".png", RGB[:40]), "expected 64 x 48 as in its camera_info, got 64 x 40"),
    ],
)
def test_a_damaged_image_is_named_in_one_line(data, words):
    for decode in (decode_colour, decode_depth):
        with pytest.raises(ImageError) as error:
            decode(data, "16UC1; compressedDepth png" if decode is decode_depth else "jpeg", "image", size=(64, 48))
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 300
        if decode is decode_colour:
            assert words in str(error.value)


@pytest.mark.parametrize(
    ("format", "words"),
    [
        ("16UC1; compressedDepth rvl", "expected the codec png, got '16UC1; compressedDepth rvl'"),
        ("32FC1; png compressed ", "or compressedDepth"),
    ],
)
def test_depth_that_cannot_be_decoded_is_named(format, words):
    with pytest.raises(ImageError, match=words):
        decode_depth(encoded(".png", np.ones((4, 4), np.uint16)), format, "depth")
