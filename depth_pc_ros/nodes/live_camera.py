"""The live camera's rectifier, rebuilt only when its camera_info changes."""

from sensor_msgs.msg import CameraInfo

from depth_pc_ros.errors import CameraError
from depth_pc_ros.geometry.camera import Rectifier
from depth_pc_ros.geometry.distortion import MOST_COEFFICIENTS
from depth_pc_ros.nodes.bounds import MOST_TEXT
from depth_pc_ros.nodes.conversions import rectifier_from_info


class LiveCamera:
    """Newest camera_info as a `Rectifier`.

    rectified: the images are rectified already (use P, no distortion). longest: see `rectifier_from_info`.

    One that cannot be used leaves no rectifier until a usable one comes; that of the last usable one is kept for when
    it comes again.
    """

    def __init__(self, rectified: bool, longest: int = 0):
        self._rectified, self._longest = rectified, longest
        self._key = self._usable_key = None
        self._rectifier: Rectifier | None = None  # of the last usable one
        self.problem = "no camera_info has arrived"  # with the newest one; empty: it is usable

    def update(self, info: CameraInfo) -> bool:
        """Take a camera_info; True when it differs from the last one."""
        roi = (info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height)
        binning = (info.binning_x, info.binning_y)
        text, d = info.distortion_model[: MOST_TEXT + 1], info.d[: MOST_COEFFICIENTS + 1]
        header = (info.header.frame_id[: MOST_TEXT + 1], info.header.stamp.nanosec >= 10**9)  # what is checked of it
        key = (*header, info.width, info.height, text, *info.k, *d, *info.p, *info.r, *roi, *binning)
        if key == self._key:
            return False
        self._key, self.problem = key, ""
        if key == self._usable_key:
            return True
        try:
            self._rectifier = rectifier_from_info(info, rectified=self._rectified, longest=self._longest)
            self._usable_key = key
        except CameraError as error:
            self.problem = str(error)
        return True

    @property
    def rectifier(self) -> Rectifier:
        """Raises CameraError, which says why, when there is none."""
        if self.problem:
            raise CameraError(self.problem)
        return self._rectifier
