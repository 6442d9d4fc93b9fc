"""Pixels of messages in bags: what was put in comes out, and what is damaged is named."""

import struct

import cv2
import numpy as np
import pytest

from depth_pc_ros.benchmark.recordings.bag_images import decoded_colour, decoded_depth
from depth_pc_ros.benchmark.recordings.frames import RecordingError


class Message:
    """Has the fields of a sensor_msgs message."""

    def __init__(self, data, encoding=None, width=3, height=2, step=None, format="", is_bigendian=0):
        self.data, self.width, self.height, self.is_bigendian = data, width, height, is_bigendian
        self.step = len(data) // height if step is None else step
        if encoding is None:
            self.format = format
        else:
            self.encoding = encoding


def png(kind):
    return cv2.imencode(".png", np.ones((2, 3), kind))[1].tobytes()


@pytest.mark.parametrize(
    ("encoding", "first"),
    [("rgb8", [0, 1, 2]), ("bgr8", [2, 1, 0]), ("bgra8", [2, 1, 0]), ("mono8", [0, 0, 0])],
)
def test_colour_of_a_message(encoding, first):
    image = decoded_colour(Message(bytes(range(28)), encoding), "here")  # 14 bytes a row: more than mono8 and rgb8 need
    assert image.shape == (2, 3, 3)
    assert image[0, 0].tolist() == first


def test_depth_of_a_message():
    mm = np.array([[500, 0, 1000], [1500, 2000, 65535]], np.uint16)
    for message in (Message(mm.tobytes(), "16UC1"), Message(mm.astype(">u2").tobytes(), "16UC1", is_bigendian=1)):
        np.testing.assert_allclose(decoded_depth(message, "here"), 1e-3 * mm, rtol=1e-6)
    m = np.array([[0.5, np.nan, 1.0], [1.5, 2.0, 0.0]], np.float32)
    np.testing.assert_array_equal(decoded_depth(Message(m.tobytes(), "32FC1"), "here"), m)
    png = cv2.imencode(".png", mm)[1].tobytes()
    for data, format in ((png, "16UC1; png compressed"), (bytes(12) + png, "16UC1; compressedDepth png")):
        np.testing.assert_allclose(decoded_depth(Message(data, format=format), "here"), 1e-3 * mm, rtol=1e-6)
    a, b = 1000.0, 0.5  # as compressed_depth_image_transport quantises the inverse of metres
    data = struct.pack("<iff", 0, a, b) + png
    got = decoded_depth(Message(data, format="32FC1; compressedDepth png"), "here")
    metres = [[1000 / 499.5, 0, 1000 / 999.5], [1000 / 1499.5, 1000 / 1999.5, 1000 / 65534.5]]
    np.testing.assert_allclose(got, metres, rtol=1e-5)


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (Message(bytes(18), "yuv422"), "expected 8-bit colour or grey, got 'yuv422'"),
        (Message(bytes(17), "rgb8", step=9), "got 17 bytes in rows of 9"), (Message(bytes(10), "rgb8"), "rows of 5"),
        (Message(b"", "rgb8", width=0, step=0), "expected an image of 0 x 2"),
        (Message(b"no", format="jpeg"), "not an image"),
    ],
)  # fmt: skip
def test_a_damaged_colour_message_is_named(message, complaint):
    with pytest.raises(RecordingError, match=f"here: .*{complaint}"):
        decoded_colour(message, "here")


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (Message(bytes(10), "16UC1"), "rows of 5"), (Message(b"no", format="16UC1; png"), "not an image"),
        (Message(b"short", format="32FC1; compressedDepth png"), "not an image"),
        (Message(png(np.uint16), format="32FC1; png"), "or compressedDepth"),
        (Message(png(np.uint8), format="16UC1; png"), "one 16-bit channel"),
    ],
)  # fmt: skip
def test_a_damaged_depth_message_is_named(message, complaint):
    with pytest.raises(RecordingError, match=f"here: .*{complaint}"):
        decoded_depth(message, "here")
