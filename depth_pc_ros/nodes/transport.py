"""Images between processes: Fast DDS settings under which they arrive."""

import os

from depth_pc_ros.package_files import config_file

_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")  # ROS 2 up to Jazzy, and after it


def use_large_shared_memory() -> None:
    """Have Fast DDS read config/fastdds.xml, in this process and its children. Call before `rclpy.init`.

    Its default shared memory segment and UDP buffers are smaller than one 640x480 image, and most images get lost. A
    profile set by the user is kept; other middlewares ignore it.
    """
    if any(os.environ.get(name) for name in _VARIABLES):
        return
    if (profiles := config_file("fastdds.xml")) is not None:
        os.environ.update(dict.fromkeys(_VARIABLES, str(profiles)))
