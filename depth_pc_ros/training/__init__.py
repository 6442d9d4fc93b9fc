"""How the learned policies are trained: on simulated point clouds only."""

from depth_pc_ros.extras import TRAIN, require

require("train", *TRAIN)
