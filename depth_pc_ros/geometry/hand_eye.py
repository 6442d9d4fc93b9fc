"""Is the camera's orientation in the tool right? Rotations of the tool held against rotations that the camera saw.

With X the camera's orientation in the tool, a rotation A of the tool and B of the camera between the same two views
fulfil A X = X B, so their rotation vectors fulfil a = X b. Two axes of rotation give X by least squares.

Source: F. Park, B. Martin, "Robot sensor calibration: solving AX = XB on the Euclidean group", IEEE T-RA 10(5), 1994.
"""

import itertools
from typing import NamedTuple

import numpy as np

from depth_pc_ros.geometry import se3

FITS_DEG = 6.0  # an error of the orientation with which the servo works well
NAMED_DEG = 12.0  # from a fault, to name it
SPREAD_DEG = 5.0  # rms rotation about the second axis that is needed
SCATTER_DEG = 2.5  # rms of what no fixed orientation explains
FEWEST = 4  # views, the first one included
_BODY_OF_OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
_BODY_NAMES = "a body frame (x forward, y left, z up)", "an optical frame (z forward, x right, y down)"


class HandEyeVerdict(NamedTuple):
    """fits: whether the orientation is right; None: the views do not tell. text: what was found, or what to do."""

    fits: bool | None
    text: str


def judge_hand_eye(tool: np.ndarray, camera: np.ndarray, R_tool_cam: np.ndarray) -> HandEyeVerdict:
    """tool, camera: (N, 3, 3) orientations in any fixed frames, of N views. R_tool_cam: (3, 3), to be judged.

    Only the orientation is judged: the camera does not see how long its way was.
    """
    if len(tool) < FEWEST:
        return HandEyeVerdict(None, f"{len(tool)} views of one scene at rest, at least {FEWEST} are needed")
    a = np.array([se3.log_so3(tool[0].T @ R) for R in tool[1:]])
    b = np.array([se3.log_so3(camera[0].T @ R) for R in camera[1:]])
    spread = np.degrees(np.linalg.svd(a, compute_uv=False) / np.sqrt(len(a)))
    if spread[1] < SPREAD_DEG:
        return HandEyeVerdict(None, "turn the arm about a second axis, too, by 15° or more")
    u, _, vt = np.linalg.svd(a.T @ b)
    X = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    scatter = np.degrees(np.sqrt(((a - b @ X.T) ** 2).sum(axis=1).mean()))
    if scatter > SCATTER_DEG:
        text = (
            f"no fixed orientation of the camera in the tool explains what it saw ({scatter:.0f}° are left): is the "
            "camera on that tool frame, did the scene stand still, is TF that of this arm?"
        )
        return HandEyeVerdict(False, text)
    off = np.degrees(se3.rotation_angle(R_tool_cam.T @ X))
    if off <= FITS_DEG:
        return HandEyeVerdict(True, f"the orientation is right to {off:.1f}°, seen in {len(tool)} views")
    return HandEyeVerdict(False, f"{_name(R_tool_cam, X)} (the orientation is {off:.0f}° off)")


def _name(claimed: np.ndarray, true: np.ndarray) -> str:
    """The fault (3, 3) that explains best how a claimed orientation differs from the true one."""
    within = [(np.degrees(se3.rotation_angle(fault.T @ true)), text) for fault, text in _faults(claimed)]
    nearest, text = min(within, key=lambda pair: pair[0])
    if nearest <= NAMED_DEG:
        return text
    axis = se3.log_so3(claimed.T @ true)
    return f"the camera's frame is turned about its axis ({', '.join(f'{v:.1f}' for v in axis / np.linalg.norm(axis))})"


def _faults(claimed: np.ndarray):
    """Pairs: what the true orientation would be, and the fault that would then have been made."""
    yield claimed.T, "the transform is inverted: it is the tool's pose in the camera, not the camera's in the tool"
    yield claimed @ _BODY_OF_OPTICAL, f"the pose is that of {_BODY_NAMES[0]}, where {_BODY_NAMES[1]} is needed"
    yield claimed @ _BODY_OF_OPTICAL.T, f"the pose is that of {_BODY_NAMES[1]} of {_BODY_NAMES[0]}: it was turned twice"
    for axis, degrees in itertools.product("xyz", (90, 180, 270)):
        turn = se3.exp_so3(np.radians(degrees) * np.eye(3)["xyz".index(axis)])
        mirrored = f", or the image is mirrored along {axis}" if degrees == 180 else ""
        yield claimed @ turn, f"the camera's frame is turned by {degrees}° about its {axis} axis{mirrored}"
