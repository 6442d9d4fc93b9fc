"""A simulated world in place of a camera and an arm: numpy in, numpy out, no ROS."""
