"""Training of the small relative depth model on rendered scenes."""

from depth_pc_ros.extras import TRAIN_DEPTH, require

require("train", *TRAIN_DEPTH)
