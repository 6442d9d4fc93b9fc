"""Image files: their size is checked before they are decoded, and one that is cut off is refused.

Pillow decodes them. OpenCV would fill with grey what a cut-off file does not hold.
"""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from depth_pc_ros.errors import DepthPcError, ImageError, shown
from depth_pc_ros.files.raw import read_bytes

MAX_BYTES = 256_000_000
MAX_PIXELS = 64_000_000
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM")
_GREY16 = ("I;16", "I;16B", "I;16L", "I;16N", "I")  # "I": how Pillow before 11 reads 16 bits


def read_image(path: str | Path, what: str, error: type[DepthPcError] = ImageError, upright: bool = True) -> np.ndarray:
    """(H, W, 3) uint8 RGB of an image file. upright: turned as its EXIF says, else as the sensor has it."""
    where = f"{what}: cannot read {path}"
    return decode_image(read_bytes(path, where, MAX_BYTES, error), where, error, upright)


def read_grey16(path: str | Path, what: str, error: type[DepthPcError] = ImageError) -> np.ndarray:
    """(H, W) uint16 of an image file of one 16-bit channel."""
    where = f"{what}: cannot read {path}"
    return decode_grey16(read_bytes(path, where, MAX_BYTES, error), where, error)


def decode_grey16(
    data: bytes, where: str, error: type[DepthPcError] = ImageError, size: tuple[int, int] | None = None
) -> np.ndarray:
    """(H, W) uint16 of the bytes of an image file of one 16-bit channel. where: begins the error. size: (width, height)
    that the file must have; None: any."""
    pixels = _decoded(data, where, error, _grey16, size)
    if not isinstance(pixels, np.ndarray):
        raise error(f"{where}: expected one 16-bit channel, got {pixels}")
    return pixels


def decode_image(
    data: bytes,
    where: str,
    error: type[DepthPcError] = ImageError,
    upright: bool = True,
    size: tuple[int, int] | None = None,
    least: tuple[int, int] | None = None,
) -> np.ndarray:
    """(H, W, 3) uint8 RGB of the bytes of an image file.

    where: begins the error. upright: see `read_image`. size: (width, height) that the file must have; None: any.
    least: a JPEG may come out at 1/2, 1/4 or 1/8 of its size, but not smaller than this (width, height): it takes less
    time; None: at its size.
    """
    return _decoded(data, where, error, _upright if upright else _rgb, size, least)


def _decoded(
    data: bytes,
    where: str,
    error: type[DepthPcError],
    pixels_of,
    size: tuple[int, int] | None = None,
    least: tuple[int, int] | None = None,
):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of EXIF tags and the like, on lines of their own
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise error(f"{where}: expected at most {MAX_PIXELS / 1e6:g} megapixels, got {width} x {height}")
                if size is not None and image.size != tuple(size):
                    raise error(
                        f"{where}: expected {size[0]} x {size[1]} as in its camera_info, got {width} x {height}"
                    )
                if least is not None and not (width % 8 or height % 8):
                    image.draft(None, least)
                image.load()
                if image.format in ("JPEG", "MPO") and _ends_early(data):
                    raise ValueError("its data end before its last rows")
                return pixels_of(image)
    except Image.UnidentifiedImageError:
        raise error(f"{where}: not an image (known: {', '.join(_FORMATS)})") from None
    except error:
        raise
    except Exception as problem:  # Pillow raises a different kind for each way a file can be damaged
        raise error(f"{where}: not a whole image: {shown(problem)}") from None


def _ends_early(data: bytes) -> bool:
    """Whether data of a JPEG are missing before its end marker, as where a camera lost some.

    The decoder then fills in grey and says nothing. More data before the marker change such an image, and no whole one.
    """
    end = data.rfind(b"\xff\xd9")
    padded = data[:end] + b"\x55" * 256 + data[end:]
    return not np.array_equal(_eighth(data), _eighth(padded))


def _eighth(data: bytes) -> np.ndarray:
    """The pixels of a JPEG at an eighth of its size, which takes less time."""
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        image.draft(None, (image.width // 8, image.height // 8))
        return np.asarray(image)


def _upright(image: Image.Image) -> np.ndarray:
    return _rgb(ImageOps.exif_transpose(image))


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode in _GREY16:
        return np.repeat((_grey16(image) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode == "F":
        raise ValueError("expected 8 or 16 bits a channel, got floating point")
    return np.array(image.convert("RGB"))


def _grey16(image: Image.Image) -> np.ndarray | str:
    """The pixels, or the mode of an image that has others."""
    values = np.asarray(image)
    if image.mode not in _GREY16 or values.min() < 0 or values.max() > 65535:
        return f"mode {image.mode}"
    return values.astype(np.uint16)
