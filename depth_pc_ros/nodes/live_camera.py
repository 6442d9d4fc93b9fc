"""The live camera's rectifier, rebuilt only when its camera_info changes."""

from sensor_msgs.msg import CameraInfo

from depth_pc_ros.errors import CameraError
from depth_pc_ros.geometry.camera import Rectifier
from depth_pc_ros.nodes.conversions import rectifier_from_info


class LiveCamera:
    """Newest camera_info as a `Rectifier`. rectified: the images are rectified already (use P, no distortion)."""

    def __init__(self, rectified: bool):
        self._rectified = rectified
        self._key = None
        self._rectifier: Rectifier | None = None
        self._problem = "no camera_info has arrived"

    def update(self, info: CameraInfo) -> bool:
        """Take a camera_info; True when it differs from the last one. An unusable one leaves no rectifier."""
        roi, binning = (info.roi.width, info.roi.height), (info.binning_x, info.binning_y)
        key = (info.width, info.height, info.distortion_model, *info.k, *info.d, *info.p, *roi, *binning)
        if key == self._key:
            return False
        self._key, self._rectifier = key, None
        try:
            self._rectifier = rectifier_from_info(info, rectified=self._rectified)
        except CameraError as error:
            self._problem = str(error)
        return True

    @property
    def known(self) -> bool:
        """A usable camera_info has arrived."""
        return self._rectifier is not None

    @property
    def rectifier(self) -> Rectifier:
        """Raises CameraError, which says why, when there is none."""
        if self._rectifier is None:
            raise CameraError(self._problem)
        return self._rectifier
