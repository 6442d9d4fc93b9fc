"""Pixels of raw images, by the names that `sensor_msgs/image_encodings.hpp` gives them.

Of 16 bits a channel the upper 8 are used: drivers with 10 or 12 bits put these at the top.
"""

from typing import NamedTuple

import cv2
import numpy as np


class PixelFormat(NamedTuple):
    """How a pixel is stored, and OpenCV's conversion of 8-bit samples to RGB (None: they are RGB)."""

    samples: int  # of a pixel, in its row
    to_rgb: int | None
    sample_bytes: int = 1
    data_rows: float = 1.0  # rows of data for each row of the image: a plane of colour may follow that of brightness
    even: tuple[int, int] = (1, 1)  # width and height are multiples of these

    @property
    def pixel_bytes(self) -> int:
        return self.samples * self.sample_bytes


_PACKED = {
    "rgb": (3, None),
    "bgr": (3, cv2.COLOR_BGR2RGB),
    "rgba": (4, cv2.COLOR_RGBA2RGB),
    "bgra": (4, cv2.COLOR_BGRA2RGB),
    "mono": (1, cv2.COLOR_GRAY2RGB),
    # ROS names a mosaic by its first row and then its second; OpenCV by the second and third pixel of its second row.
    "bayer_rggb": (1, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr": (1, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg": (1, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg": (1, cv2.COLOR_BayerGB2RGB),
}
_UYVY = PixelFormat(2, cv2.COLOR_YUV2RGB_UYVY, even=(2, 1))
_YUYV = PixelFormat(2, cv2.COLOR_YUV2RGB_YUYV, even=(2, 1))
COLOUR: dict[str, PixelFormat] = {
    **{f"{name}8": PixelFormat(*packed) for name, packed in _PACKED.items()},
    **{f"{name}16": PixelFormat(*packed, sample_bytes=2) for name, packed in _PACKED.items()},
    "8UC3": PixelFormat(3, None),  # has no colour order; RGB is assumed
    "8UC1": PixelFormat(1, cv2.COLOR_GRAY2RGB),
    "uyvy": _UYVY,
    "yuv422": _UYVY,  # its older name
    "yuyv": _YUYV,
    "yuv422_yuy2": _YUYV,  # its older name
    "nv12": PixelFormat(1, cv2.COLOR_YUV2RGB_NV12, data_rows=1.5, even=(2, 2)),
    "nv21": PixelFormat(1, cv2.COLOR_YUV2RGB_NV21, data_rows=1.5, even=(2, 2)),
}
COLOUR_NAMES = f"{', '.join(f'{name}8' for name in _PACKED)}, the same with 16 for 8, 8UC1, 8UC3, " + (
    "uyvy (yuv422), yuyv (yuv422_yuy2), nv12, nv21"
)  # for an error
DEPTH = {"32FC1": np.dtype("f4"), "16UC1": np.dtype("u2")}


def rows_of(data, width_bytes: int, rows: int, step: int) -> np.ndarray:
    """(rows, width_bytes) uint8 of an image's data, without what pads its rows to `step` bytes."""
    values = np.frombuffer(data, dtype=np.uint8, count=step * rows)
    return np.ascontiguousarray(values.reshape(rows, step)[:, :width_bytes])


def rgb_pixels(data, size: tuple[int, int], step: int, encoding: str, big_endian: bool) -> np.ndarray:
    """(H, W, 3) uint8 RGB of an image's data in one of the `COLOUR` encodings.

    size: (width, height), multiples of the format's `even`. step: bytes of a row. data: step * height *
    `data_rows` bytes at least. big_endian: the byte order of 16-bit samples.
    """
    width, height = size
    kind = COLOUR[encoding]
    rows = int(height * kind.data_rows)
    samples = rows_of(data, width * kind.pixel_bytes, rows, step).reshape(rows, width, kind.samples, -1)
    top = samples[..., 0 if big_endian or kind.sample_bytes == 1 else 1]
    return top if kind.to_rgb is None else cv2.cvtColor(np.ascontiguousarray(top), kind.to_rgb)


def depth_metres(data, size: tuple[int, int], step: int, encoding: str, big_endian: bool) -> np.ndarray:
    """(H, W) float32 metres of an image's data in one of the `DEPTH` encodings, as they are: invalid ones, too."""
    width, height = size
    kind = DEPTH[encoding].newbyteorder(">" if big_endian else "<")
    values = rows_of(data, width * kind.itemsize, height, step).view(kind).astype(np.float32)
    return values * np.float32(1e-3) if encoding == "16UC1" else values
