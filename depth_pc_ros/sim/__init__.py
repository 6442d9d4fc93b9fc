"""A simulated world in place of a camera and an arm: numpy in, numpy out, no ROS."""

from depth_pc_ros.extras import SIM, require

require("sim", *SIM)
