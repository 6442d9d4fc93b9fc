"""A goal whose image is a file on this machine, as the request that brings an image."""

from pathlib import Path

from std_msgs.msg import Header

from depth_pc_interfaces.srv import SetGoalFile, SetGoalImage
from depth_pc_ros.errors import GoalError
from depth_pc_ros.files.image_file import read_image
from depth_pc_ros.nodes.bounds import check_text
from depth_pc_ros.nodes.conversions import mask_to_image, rgb_to_image


def request_of_files(request: SetGoalFile.Request) -> SetGoalImage.Request:
    """Read the files that a request names. Raises GoalError, ImageError."""
    image = read_image(_absolute(request.path, "path"), "path")
    asked = SetGoalImage.Request(image=rgb_to_image(image, Header()), distance=request.distance_m)
    if request.mask:
        mask = read_image(_absolute(request.mask, "mask"), "mask").max(axis=2)  # zero where black
        asked.mask = mask_to_image(mask, Header())
    return asked


def _absolute(text: str, name: str) -> Path:
    """A path as the node reads it: its own folder is none that a caller knows."""
    check_text(text, name)
    path = Path(text)
    if not text or not (path.is_absolute() or text.startswith("~/")):
        raise GoalError(f"{name}: expected a file on the keypoint node's machine, /... or ~/..., got {text!r}")
    return path
