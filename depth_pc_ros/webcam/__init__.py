"""The servo without a robot: a person moves the camera, and is told how. No ROS."""
