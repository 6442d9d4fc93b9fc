"""Reads what a LiveView sends to a browser."""

import json
import struct


def unpacked(message: bytes) -> tuple[dict, dict[str, bytes]]:
    """The JSON of a message, and its JPEG files by the name of the picture."""
    (size,) = struct.unpack_from("<I", message)
    head, rest = json.loads(message[4 : 4 + size]), message[4 + size :]
    pictures = {}
    for name, count in head["pictures"]:
        pictures[name], rest = rest[:count], rest[count:]
    assert rest == b""
    return head, pictures
