"""Goal-image visual servoing for ROS 2: one picture in, camera twists out until the live view matches it."""

__version__ = "0.2.0"
