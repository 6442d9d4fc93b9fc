"""Refuses to start nodes over running ones of the same name: each would get the other's images and commands."""

import time

import rclpy
from rclpy.context import Context

from depth_pc_ros.bringup.node_table import NodeSpec
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.nodes.transport import use_large_shared_memory

DISCOVERY_S = 1.5  # three announcements of each node, see config/fastdds.xml


class AlreadyRunningError(DepthPcError):
    """Nodes of the same full name are running."""


def refuse_running(specs: list[NodeSpec]) -> None:
    """Raise AlreadyRunningError, with the names, where a node to start is running in this ROS domain already.

    It takes DISCOVERY_S when there is none. The look is a new one, so nodes that were killed are not found: they do
    not announce themselves any more. Two start-ups in the same second miss each other; `nodes.rivals` stops those.
    """
    use_large_shared_memory()
    wanted = {spec.full_name for spec in specs}
    found: set[str] = set()
    context = Context()
    rclpy.init(args=[], context=context)  # not those of `ros2 launch`
    try:
        node = rclpy.create_node("start_up_check", context=context, enable_rosout=False)
        end_s = time.monotonic() + DISCOVERY_S
        while found != wanted and time.monotonic() < end_s:
            time.sleep(0.05)
            found |= wanted & {f"{namespace}/{name}" for name, namespace in node.get_node_names_and_namespaces()}
        domain = context.get_domain_id()
        node.destroy_node()
    finally:
        rclpy.try_shutdown(context=context)
    if found:
        raise AlreadyRunningError(
            f"running already in ROS domain {domain}: {', '.join(sorted(found))}; "
            "stop them first, or give another `namespace` for another arm"
        )
