"""Executables: parse the command line, build, call."""

from depth_pc_ros.nodes.starting import end_on_signals

end_on_signals()
