"""How a camera may move otherwise than commanded: wrong frames and wrong signs, each with what to look at."""

import itertools
from typing import NamedTuple

import numpy as np

from depth_pc_ros.geometry.se3 import exp_so3

_FRAME = (
    "look at camera_in_tool_quat and tool_frame of the adapter, at the TF from the tool to the camera's optical frame, "
    "and at the frame in which the driver takes its twist"
)
_BODY = "an optical frame (z forward, x right, y down)", "a body frame (x forward, y left, z up)"
_OPTICAL_OF_BODY = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


class MotionFault(NamedTuple):
    """A commanded twist `[v, w]` is carried out as `[linear @ v, angular @ w]`; both matrices are (3, 3).

    text: completes "the camera moves as if ..."; advice: what a person should look at.
    """

    linear: np.ndarray
    angular: np.ndarray
    text: str
    advice: str


def motion_faults() -> list[MotionFault]:
    """All faults that are told apart: the likely ones first."""
    faults = []
    for axis, degrees in itertools.product("xyz", (180, 90, -90)):
        turn = exp_so3(np.radians(degrees) * np.eye(3)["xyz".index(axis)]).round()
        text = f"the camera's frame were turned by {degrees % 360}° about its {axis} axis"
        faults.append(MotionFault(turn, turn, text, _FRAME))
    body = _OPTICAL_OF_BODY
    faults.append(MotionFault(body, body, f"its twist were obeyed in {_BODY[1]}, not in {_BODY[0]}", _FRAME))
    faults.append(MotionFault(body.T, body.T, f"the twist of {_BODY[1]} were obeyed in {_BODY[0]}", _FRAME))
    for k, axis in enumerate("xyz"):
        mirror = np.eye(3)
        mirror[k, k] = -1.0
        text = f"the image or the frame were mirrored along its {axis} axis"
        faults.append(MotionFault(mirror, -mirror, text, "look at the camera driver's flip setting, and at the TF"))
        text = f"the sign of its {axis} axis were reversed"
        faults.append(MotionFault(mirror, mirror, text, "look at the signs in the arm's driver"))
    reversed_ = -np.eye(3)
    text = "the sign of every motion were reversed"
    advice = "look at the signs in the arm's driver, and whether the camera or the scene is what moves"
    faults.append(MotionFault(reversed_, reversed_, text, advice))
    known = [fault.linear for fault in faults]
    for axes, signs in itertools.product(itertools.permutations(np.eye(3)), itertools.product((1.0, -1.0), repeat=3)):
        turn = np.array(signs)[:, None] * np.array(axes)
        if np.linalg.det(turn) > 0 and not any(np.array_equal(turn, other) for other in (*known, np.eye(3))):
            text = "the axes of the camera's frame were exchanged"
            faults.append(MotionFault(turn, turn, text, _FRAME))
    return faults
