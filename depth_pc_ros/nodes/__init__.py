"""ROS 2 nodes: they convert messages, call the core, and publish. The only folder that imports rclpy and messages."""

from depth_pc_ros.nodes.starting import end_on_signals

end_on_signals()
