"""Recordings, fed to the servo as it is now: no ROS, no motion."""
