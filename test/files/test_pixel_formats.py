"""Every encoding gives the colours that were put in: a picture of four large fields, written as each driver would."""

import numpy as np
import pytest

from depth_pc_ros.files.pixel_formats import COLOUR, depth_metres, rgb_pixels

W, H = 24, 16
FIELDS = np.array([[[200, 40, 90], [30, 180, 60]], [[50, 70, 210], [120, 120, 120]]], np.uint8)
RGB = FIELDS.repeat(H // 2, axis=0).repeat(W // 2, axis=1)
# Mosaics mix the colours of neighbours, so at the fields' borders only.
INNER = np.zeros((H, W), bool)
INNER[2 : H // 2 - 2, 2 : W // 2 - 2] = INNER[H // 2 + 2 : -2, 2 : W // 2 - 2] = True
INNER[2 : H // 2 - 2, W // 2 + 2 : -2] = INNER[H // 2 + 2 : -2, W // 2 + 2 : -2] = True
GREY = RGB[..., 1]


def mosaic(pattern: str) -> np.ndarray:
    """(H, W) of `RGB`: of each pixel the channel that the pattern of 2 x 2 letters gives it."""
    channels = np.array(["rgb".index(letter) for letter in pattern]).reshape(2, 2)
    return np.take_along_axis(RGB, np.tile(channels, (H // 2, W // 2))[..., None], axis=2)[..., 0]


def luma_chroma() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y, U and V (H, W) of `RGB`: ITU-R BT.601, Y from 16 to 235."""
    r, g, b = np.moveaxis(RGB.astype(float) / 255, 2, 0)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    planes = 16 + 219 * y, 128 + 112 / 0.886 * (b - y), 128 + 112 / 0.701 * (r - y)
    return tuple(np.rint(plane).astype(np.uint8) for plane in planes)


def packed_yuv(order: str) -> np.ndarray:
    """(H, W, 2) of `RGB` with one U and V for every two pixels."""
    y, u, v = luma_chroma()
    chroma = np.where(np.arange(W) % 2 == 0, u, v)
    return np.stack((chroma, y) if order == "uyvy" else (y, chroma), axis=2)


def planar_yuv(order: str) -> np.ndarray:
    """(1.5 H, W) of `RGB`: Y, then a plane with one U and V for every 2 x 2 pixels, side by side."""
    y, u, v = luma_chroma()
    first, second = (u, v) if order == "nv12" else (v, u)
    chroma = np.stack((first[::2, ::2], second[::2, ::2]), axis=2).reshape(H // 2, W)
    return np.vstack((y, chroma))


def stored(pixels: np.ndarray, sample_bytes: int, big_endian: bool, padding: int) -> tuple[bytes, int]:
    """The data of an image and its step."""
    if sample_bytes == 2:
        pixels = (pixels.astype(np.uint16) * 256 + 77).astype(">u2" if big_endian else "<u2")
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(pixels.shape[0], -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    return rows.tobytes(), rows.shape[1]


def source(encoding: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Samples as a driver has them, the picture that they show, and the tolerance in grey levels."""
    name = encoding.removesuffix("16").removesuffix("8")
    alpha = np.full((H, W, 1), 9, np.uint8)
    if name.startswith("bayer_"):
        return mosaic(name.removeprefix("bayer_")), RGB, 0
    if name in ("uyvy", "yuv422"):
        return packed_yuv("uyvy"), RGB, 2
    if name in ("yuyv", "yuv422_yuy2"):
        return packed_yuv("yuyv"), RGB, 2
    if name in ("nv12", "nv21"):
        return planar_yuv(name), RGB, 2
    if name in ("mono", "8UC1"):
        return GREY, GREY[..., None].repeat(3, axis=2), 0
    colours = RGB[..., ::-1] if name.startswith("bgr") else RGB
    return (np.concatenate((colours, alpha), axis=2) if name.endswith("a") else colours), RGB, 0


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("encoding", COLOUR)
def test_an_encoding_gives_its_colours(encoding, big_endian, padding):
    samples, expected, tolerance = source(encoding)
    data, step = stored(samples, COLOUR[encoding].sample_bytes, big_endian, padding)
    rgb = rgb_pixels(data, (W, H), step, encoding, big_endian)
    assert rgb.shape == (H, W, 3)
    assert rgb.dtype == np.uint8
    apart = np.abs(rgb.astype(int) - expected)
    assert apart[INNER].max() <= tolerance


def test_what_drivers_send_is_known():
    """Names that the sources of realsense2_camera, usb_cam, v4l2_camera and others of ROS 2 give their images."""
    named = "rgb8 bgr8 rgba8 bgra8 mono8 mono16 8UC1 8UC3 uyvy yuyv yuv422 yuv422_yuy2 nv21".split()
    named += [f"bayer_{order}{bits}" for order in ("rggb", "bggr", "gbrg", "grbg") for bits in (8, 16)]
    assert set(named) <= set(COLOUR)


@pytest.mark.parametrize("big_endian", [False, True])
def test_depth_comes_in_metres(big_endian):
    order = ">" if big_endian else "<"
    mm = np.array([[0, 1, 1234], [65535, 600, 2]], order + "u2")
    np.testing.assert_allclose(depth_metres(mm.tobytes(), (3, 2), 6, "16UC1", big_endian), mm * 1e-3, rtol=1e-6)
    m = np.array([[0.5, np.nan], [-1, 2.25]], order + "f4")
    np.testing.assert_array_equal(depth_metres(m.tobytes(), (2, 2), 8, "32FC1", big_endian), m)
