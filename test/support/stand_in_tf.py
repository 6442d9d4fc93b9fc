"""A stand-in for tf2_ros, which the ROS wheels lack: the three names that are used. Import it where ROS is."""

import types

from geometry_msgs.msg import TransformStamped

from depth_pc_ros.nodes.conversions import pose_to_msg, seconds_to_stamp


class StandInTf(types.ModuleType):
    """Put it into sys.modules as tf2_ros. poses: (target, source) -> (pose (4, 4), stamp in s; 0: static)."""

    def __init__(self):
        super().__init__("tf2_ros")
        self.poses = poses = {}

        class TransformException(Exception):
            pass

        class Buffer:
            def lookup_transform(self, target, source, time):
                if (target, source) not in poses:
                    raise TransformException(f"{source!r} does not exist")
                T, stamp_s = poses[target, source]
                pose, found = pose_to_msg(T), TransformStamped()
                p, found.transform.rotation = found.transform.translation, pose.orientation
                p.x, p.y, p.z = pose.position.x, pose.position.y, pose.position.z
                found.header.stamp = seconds_to_stamp(stamp_s)
                return found

            def clear(self):
                poses.clear()

        class TransformListener:
            def __init__(self, buffer, node):
                pass

        self.TransformException, self.Buffer, self.TransformListener = TransformException, Buffer, TransformListener
