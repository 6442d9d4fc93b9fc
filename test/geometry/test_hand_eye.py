import numpy as np
import pytest

from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.hand_eye import judge_hand_eye

TRUE = se3.exp_so3(np.array([0.1, -0.2, 1.3]))
OPTICAL_OF_BODY = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


def turned(axis, degrees):
    return TRUE @ se3.exp_so3(np.radians(degrees) * np.eye(3)["xyz".index(axis)])


def views(axes=3, count=6, noise_deg=0.3, seed=0):
    """Orientations (N, 3, 3) of tool and camera in frames of their own."""
    rng = np.random.default_rng(seed)
    turns = np.radians(20) * rng.uniform(-1, 1, (count, 3)) * (np.arange(3) < axes)
    R_base, R_scene = se3.exp_so3(rng.uniform(-1, 1, 3)), se3.exp_so3(rng.uniform(-1, 1, 3))
    tool = np.array([R_base @ se3.exp_so3(turn) for turn in turns])
    noise = np.radians(noise_deg) * rng.normal(size=(count, 3))
    camera = np.array([R_scene @ R @ TRUE @ se3.exp_so3(error) for R, error in zip(tool, noise)])
    return tool, camera


def test_a_right_orientation_fits():
    verdict = judge_hand_eye(*views(), TRUE @ se3.exp_so3(np.radians([2.0, -1.0, 1.0])))
    assert verdict.fits
    assert "6 views" in verdict.text


@pytest.mark.parametrize(
    ("claimed", "text"),
    [
        (TRUE.T, "the transform is inverted"),
        (TRUE @ OPTICAL_OF_BODY, "the pose is that of a body frame (x forward, y left, z up), where an optical frame"),
        (TRUE @ OPTICAL_OF_BODY.T, "it was turned twice"),
        *((turned(axis, -degrees), f"turned by {degrees}° about its {axis} axis")
          for axis, degrees in [("x", 90), ("y", 180), ("z", 270)]),
        (turned("x", 180), "or the image is mirrored along x"),
        (turned("x", 40), "turned about its axis (-1.0, 0.0, -0.0) (the orientation is 40° off)"),
    ],
)  # fmt: skip
def test_a_wrong_orientation_is_named(claimed, text):
    verdict = judge_hand_eye(*views(noise_deg=0.0), claimed)
    assert verdict.fits is False
    assert text.replace("-0.0", "0.0") in verdict.text.replace("-0.0", "0.0")


def test_views_that_do_not_tell():
    assert judge_hand_eye(*views(count=3), TRUE) == (None, "3 views of one scene at rest, at least 4 are needed")
    verdict = judge_hand_eye(*views(axes=1), TRUE)
    assert verdict.fits is None
    assert "second axis" in verdict.text


def test_a_camera_that_is_not_on_the_tool_is_told():
    tool, camera = views()
    verdict = judge_hand_eye(tool, camera[::-1], TRUE)
    assert verdict.fits is False
    assert "is the camera on that tool frame" in verdict.text
