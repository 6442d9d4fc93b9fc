"""ROS 2 nodes: they convert messages, call the core, and publish. Only this folder and bringup import ROS."""

from depth_pc_ros.nodes.starting import end_on_signals

end_on_signals()
