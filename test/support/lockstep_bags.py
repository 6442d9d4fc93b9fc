"""A servo's own recording, made without ROS: what its nodes do in lockstep, written with rosbags."""

from pathlib import Path

import numpy as np
from bags import CAMERA, BagMaker, plane, seen_from
from rosbags.typesys import get_types_from_msg
from scipy.spatial.transform import Rotation

from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.geometry import se3
from depth_pc_ros.pipeline import ServoPipeline
from depth_pc_ros.types import ServoState

INTERFACES = Path(__file__).parents[2] / "depth_pc_interfaces" / "msg"
DISABLED_FRAMES = 3
STEP_S = 0.04
MATCHES, GOAL, STATUS = (f"depth_pc_interfaces/msg/{name}" for name in ("KeypointMatches", "ServoGoal", "ServoStatus"))
TWIST, DIAGNOSTIC = "geometry_msgs/msg/TwistStamped", "diagnostic_msgs/msg/DiagnosticStatus"
POSE = "geometry_msgs/msg/PoseStamped"


class ServoBag(BagMaker):
    """A `BagMaker` with the messages of this project."""

    namespace = "/depth_pc"

    def __enter__(self) -> "ServoBag":
        super().__enter__()
        for path in sorted(INTERFACES.glob("*.msg")):
            self._store.register(get_types_from_msg(path.read_text(), f"depth_pc_interfaces/msg/{path.stem}"))
        return self

    def twist(self, values: np.ndarray):
        vector = self.kinds["geometry_msgs/msg/Vector3"]
        return self.kinds["geometry_msgs/msg/Twist"](
            linear=vector(*map(float, values[:3])), angular=vector(*map(float, values[3:]))
        )

    def parameters(self, node: str, time_s: float, **values) -> None:
        pair = self.kinds["diagnostic_msgs/msg/KeyValue"]
        message = self.kinds[DIAGNOSTIC](
            level=0, name=f"{self.namespace}/{node}", message="parameters", hardware_id="",
            values=[pair(key=key, value=str(value).lower()) for key, value in values.items()],
        )  # fmt: skip
        self.put(f"{self.namespace}/recorder/parameters", DIAGNOSTIC, time_s, message)

    def goal(self, time_s: float, image: np.ndarray, keypoints: np.ndarray) -> None:
        message = self.kinds[GOAL](
            header=self.header(time_s), goal_id=1, image=self.image_message(time_s, image, "rgb8"),
            camera_info=self.info_message(time_s), keypoints=keypoints.ravel(),
            depth=self.image_message(time_s, np.zeros((0, 0, 3), np.uint8)), distance=0.6, keep_moving=False,
        )  # fmt: skip
        self.put(f"{self.namespace}/keypoints/goal", GOAL, time_s, message)

    def matches(self, time_s: float, matches) -> None:
        message = self.kinds[MATCHES](
            header=self.header(time_s), goal_id=1, current_points=matches.current_points.ravel(),
            matched=matches.matched, scores=matches.scores.astype(np.float32), agreement=matches.agreement,
            doubt=matches.doubt,
        )  # fmt: skip
        self.put(f"{self.namespace}/keypoints/matches", MATCHES, time_s + 0.005, message)

    def status(self, time_s: float, state: int, later_s: float = 0.007) -> None:
        stamp = self.header(time_s).stamp
        nan = float("nan")
        message = self.kinds[STATUS](
            header=self.header(time_s), state=int(state), message="", controller="pbvs", goal_id=1,
            num_matches=0, error=nan, error_px=nan, agreement=nan, depth_source="none", depth_age_s=nan,
            latency_ms=10.0, image_stamp=stamp, command=self.twist(np.zeros(6)),
        )  # fmt: skip
        self.put(f"{self.namespace}/controller/status", STATUS, time_s + later_s, message)

    def command(self, time_s: float, twist: np.ndarray) -> None:
        message = self.kinds[TWIST](header=self.header(time_s), twist=self.twist(twist))
        self.put(f"{self.namespace}/controller/twist_cmd", TWIST, time_s + 0.006, message)

    def pose(self, name: str, time_s: float, T: np.ndarray) -> None:
        q = Rotation.from_matrix(T[:3, :3]).as_quat()
        pose = self.kinds["geometry_msgs/msg/Pose"](
            position=self.kinds["geometry_msgs/msg/Point"](*map(float, T[:3, 3])),
            orientation=self.kinds["geometry_msgs/msg/Quaternion"](*map(float, q)),
        )
        message = self.kinds[POSE](header=self.header(time_s, "world"), pose=pose)
        self.put(f"{self.namespace}/bridge/{name}", POSE, time_s, message)


def lockstep_bag(folder: Path, frames: int = 60, namespace: str = "/depth_pc", **options) -> Path:
    """A run to a goal: each image is answered by one twist, which moves the camera. options: of the controller."""
    pipeline = ServoPipeline(PipelineConfig(**{"controller": "pbvs", **options}))
    picture, T_goal_cam = plane(), se3.exp(np.array([0.03, -0.02, -0.08, 0.04, 0.03, 0.1]))
    with ServoBag(folder) as bag:
        bag.namespace = namespace
        bag.parameters("controller", 0.5, **{"lockstep": True, "controller": "pbvs", **options})
        bag.parameters("keypoints", 0.5, matcher="akaze")
        bag.parameters("depth", 0.5, source="none")
        bag.pose("goal_pose", 0.6, np.eye(4))
        goal = seen_from(picture, np.eye(4))
        pipeline.set_goal(goal, CAMERA.matrix, 0.6)
        bag.goal(0.7, goal, pipeline.matcher.goal_points)
        for k in range(frames):
            time_s, enabled = 1.0 + STEP_S * k, k >= DISABLED_FRAMES
            if k == DISABLED_FRAMES:
                pipeline.servo.reset()
                bag.status(time_s - STEP_S, ServoState.STALE_INPUT, 0.5 * STEP_S)
            image = seen_from(picture, T_goal_cam)
            bag.pose("camera_pose", time_s, T_goal_cam)
            bag.info(f"{namespace}/bridge/camera_info", time_s)
            bag.image(f"{namespace}/bridge/image", time_s, image)
            matches = pipeline.matcher.match(image)
            bag.matches(time_s, matches)
            result = pipeline.servo.update(matches, time_s)
            if not enabled or result.state is not ServoState.SERVOING:
                pipeline.servo.stop(time_s)
            if enabled:
                twist = pipeline.servo.answer()
                bag.command(time_s, twist)
                T_goal_cam = T_goal_cam @ se3.exp(STEP_S * twist)
            bag.status(time_s, result.state if enabled else ServoState.DISABLED)
    return folder
