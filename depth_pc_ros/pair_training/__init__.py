"""Training of the benchmark's image pair networks on warped photographs: pose regressors and a compact flow."""

from depth_pc_ros.extras import TRAIN, require

require("train", *TRAIN)
