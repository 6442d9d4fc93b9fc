"""Pixels of `sensor_msgs/CompressedImage` as image_transport's plugins `compressed` and `compressedDepth` send it.

Its `format` begins with the encoding of the raw image: `rgb8; jpeg compressed bgr8`, `16UC1; compressedDepth png`. Many
drivers write `jpeg` or `png` only.
"""

import struct

import cv2
import numpy as np

from depth_pc_ros.errors import DepthPcError, ImageError, shown
from depth_pc_ros.files.image_file import decode_grey16, decode_image
from depth_pc_ros.files.pixel_formats import COLOUR

_PNG = b"\x89PNG"
_HEAD = struct.Struct("<iff")  # of compressedDepth: a constant, and two numbers by which inverse depth was quantised


def decode_colour(
    data: bytes,
    format: str,
    where: str,
    error: type[DepthPcError] = ImageError,
    size: tuple[int, int] | None = None,
    least: tuple[int, int] | None = None,
) -> np.ndarray:
    """(H, W, 3) uint8 RGB. where, size, least: see `decode_image`."""
    rgb = decode_image(data, where, error, upright=False, size=size, least=least)
    raw, _, codec = format.partition(";")
    raw = raw.strip()
    if raw.startswith("bayer_") and raw in COLOUR and codec.strip() in ("png compressed", "tiff compressed"):
        return cv2.cvtColor(np.ascontiguousarray(rgb[..., 0]), COLOUR[raw].to_rgb)  # the mosaic itself is in the file
    if "compressed rgb" in codec:
        return np.ascontiguousarray(rgb[..., ::-1])  # red and blue are exchanged in the file
    return rgb


def decode_depth(
    data: bytes, format: str, where: str, error: type[DepthPcError] = ImageError, size: tuple[int, int] | None = None
) -> np.ndarray:
    """(H, W) float32 metres, 0 where unknown; a quantisation that is damaged may give other values that are none.

    where: begins the error. size: (width, height) that it must have; None: any.
    """
    if "rvl" in format:
        raise error(f"{where}: expected the codec png, got {shown(format)}")
    head, data = (b"", data) if data.startswith(_PNG) else (data[: _HEAD.size], data[_HEAD.size :])
    raw = decode_grey16(data, where, error, size).astype(np.float32)
    if "32FC1" not in format:
        return raw * np.float32(1e-3)
    if len(head) < _HEAD.size:
        raise error(f"{where}: expected depth in mm, or compressedDepth, got {shown(format)}")
    _, a, b = _HEAD.unpack(head)
    return np.divide(a, raw - b, out=np.zeros_like(raw), where=(raw > 0) & (raw != b))
