"""Pixels of `sensor_msgs/Image` and `CompressedImage`, or of what has their fields, without ROS."""

import numpy as np

from depth_pc_ros.benchmark.recordings.frames import RecordingError
from depth_pc_ros.errors import shown
from depth_pc_ros.files.compressed_image import decode_colour, decode_depth


def is_depth(message) -> bool:
    """Whether an Image or a CompressedImage holds depth."""
    if hasattr(message, "encoding"):
        return message.encoding in ("16UC1", "mono16", "32FC1")
    return "16UC1" in message.format or "32FC1" in message.format or "compressedDepth" in message.format


def decoded_colour(message, where: str) -> np.ndarray:
    """(H, W, 3) uint8 RGB of an Image or a CompressedImage. Raises RecordingError, which begins with `where`."""
    if not hasattr(message, "encoding"):
        return decode_colour(bytes(message.data), message.format, where, RecordingError)
    channels = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "8UC3": 3, "mono8": 1, "8UC1": 1}.get(message.encoding)
    if channels is None:
        raise RecordingError(f"{where}: encoding: expected 8-bit colour or grey, got {shown(message.encoding)}")
    image = _rows(message, channels, where).reshape(message.height, message.width, channels)
    if channels == 1:
        return np.repeat(image, 3, axis=2)
    return np.ascontiguousarray(image[..., 2::-1] if message.encoding.startswith(("bgr", "8UC3")) else image[..., :3])


def decoded_depth(message, where: str) -> np.ndarray:
    """Metres (H, W) float32, 0 or NaN where unknown, of an Image or a CompressedImage. Raises RecordingError."""
    if not hasattr(message, "encoding"):
        return decode_depth(bytes(message.data), message.format, where, RecordingError)
    kind = np.dtype(np.float32 if message.encoding == "32FC1" else np.uint16)
    kind = kind.newbyteorder(">" if message.is_bigendian else "<")
    raw = np.ascontiguousarray(_rows(message, kind.itemsize, where)).view(kind)
    return raw.astype(np.float32) * np.float32(1 if message.encoding == "32FC1" else 1e-3)


def _rows(message, pixel_bytes: int, where: str) -> np.ndarray:
    """(height, width * pixel_bytes) uint8, without what stands at the end of rows."""
    data, width = np.frombuffer(message.data, np.uint8), message.width * pixel_bytes
    if not (width and message.height and message.step >= width and len(data) == message.step * message.height):
        raise RecordingError(
            f"{where}: expected an image of {message.width} x {message.height}, got {len(data)} bytes in rows of "
            f"{message.step}"
        )
    return data.reshape(message.height, message.step)[:, :width]
