"""How the learned policies are trained: on simulated point clouds only."""

from depth_pc_ros.extras import TRAIN, require
from depth_pc_ros.files.cache import keep_temporary_folder_clean

require("train", *TRAIN)
keep_temporary_folder_clean()
