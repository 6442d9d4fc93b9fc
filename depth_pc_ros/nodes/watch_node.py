"""`watch`: the servo on a page for browsers. It listens, and calls services of the other nodes when told to."""

import math
import os

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import SetBool, Trigger

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal, ServoStatus
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.extras import VIEW, require
from depth_pc_ros.nodes.base import IMAGE_QOS, LATCHED_QOS, TWIST_QOS, ServoNode, run
from depth_pc_ros.nodes.bounds import MOST_TEXT
from depth_pc_ros.nodes.conversions import twist_from_msg
from depth_pc_ros.nodes.image_source import CameraTopics
from depth_pc_ros.nodes.node_configs import WatchConfig
from depth_pc_ros.nodes.service_call import answer_within
from depth_pc_ros.nodes.watched_images import WatchedImages
from depth_pc_ros.types import ServoState
from depth_pc_ros.view.live_view import LiveView, Reading

# As latched, but no change of the state is missed while a picture is drawn.
_EVERY_STATUS_QOS = QoSProfile(
    depth=100, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)  # fmt: skip
PICTURE_PERIOD_S = 0.1  # between two pictures, at least
_DRAWING_SHARE, _LONGEST_REST_S = (
    0.1,
    0.5,
)  # of the time: on a busy machine pictures come more seldom; at most between two
ANSWER_WITHIN_S = 2.0
_CAPTURE_WITHIN_S = 5.0  # the keypoint node may be at an image, and then detects the goal's keypoints
_NICE = 19  # of the thread that draws: the servo comes first, and a stop does not wait for it


class NoAnswerError(DepthPcError):
    """A node does not answer, or refuses."""


class WatchNode(ServoNode):
    """In: `goal` and `status`; and only while a browser shows the page `image`, `camera_info`, `matches`,
    `metric_depth` and `relative_depth`. Calls `enable` and `capture_goal` when a button is pressed. Out: the page.
    """

    def __init__(self, **node_options):
        super().__init__("watch", WatchConfig, **node_options)

    def build(self):
        require("view", *VIEW)
        from depth_pc_ros.view.server import ViewServer

        self._view = LiveView(self.get_namespace())
        self._images = WatchedImages(self.config.rectified, self.config.max_width)
        self._camera_topics = CameraTopics(self)
        self._watching: list = []  # subscriptions while a browser shows the page
        self.create_subscription(ServoGoal, "goal", self._images.on_goal, LATCHED_QOS)
        self.create_subscription(ServoStatus, "status", self._on_status, _EVERY_STATUS_QOS)
        self._enable = self.create_client(SetBool, "enable")
        self._capture_goal = self.create_client(Trigger, "capture_goal")
        self._rests_until_s = -np.inf
        self.create_timer(PICTURE_PERIOD_S, self._on_tick, clock=self.steady_clock)
        actions = {"capture": self._on_capture, "enable": self._on_enable, "stop": self._on_stop}
        self._server = ViewServer(self._view, actions, self.config.address, self.config.port)
        self._server.start()

    def begin(self):
        print(f"watch: open {self._server.url}", flush=True)  # a log message would give the token to all who listen

    def dismantle(self):
        self._server.stop()
        self._unwatch()

    # What is shown

    def _on_status(self, msg: ServoStatus):
        try:
            state = ServoState(msg.state)
        except ValueError:
            self.get_logger().warning(f"status not used: state {msg.state} is unknown", throttle_duration_sec=2.0)
            return
        twist = twist_from_msg(msg.command)
        facts = {
            "control law": msg.controller,
            "goal": str(msg.goal_id or "none"),
            "matches": str(msg.num_matches),
            "picture agrees": _with_unit(100 * msg.agreement, "%"),
            "depth source": f"{msg.depth_source} {_with_unit(msg.depth_age_s, 's old', 2)}",
            "latency": _with_unit(msg.latency_ms, "ms"),
        }
        self._view.update(
            Reading(
                state,
                msg.message[:MOST_TEXT],
                msg.error_px,
                float(np.linalg.norm(twist[:3])),
                float(np.linalg.norm(twist[3:])),
                {name: text[:MOST_TEXT] for name, text in facts.items() if text.strip()},
            )
        )

    def _on_tick(self):
        wanted = self._view.wanted
        if bool(wanted) != bool(self._watching):
            self._watch() if wanted else self._unwatch()
        if wanted and self.steady_s() >= self._rests_until_s:
            begin_s = self.steady_s()
            self._images.draw(self._view, begin_s)
            end_s = self.steady_s()
            self._rests_until_s = end_s + min((end_s - begin_s) * (1 / _DRAWING_SHARE - 1), _LONGEST_REST_S)
            self._view.note = self._problem

    @property
    def _problem(self) -> str:
        """Why no live images are shown; empty: they are, or nobody looks."""
        if not self._watching:
            return ""
        problem = self._images.problem
        return self._image_source.silence() or (f"{problem} {self._info_source.silence()}".strip() if problem else "")

    def _watch(self) -> None:
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))  # of this thread only
        images = self._images
        topics = self._camera_topics
        self._info_source = topics.create_subscription(CameraInfo, "camera_info", images.on_camera_info)
        self._image_source = topics.create_subscription(Image, "image", images.on_image)
        self._watching = [
            self.create_subscription(KeypointMatches, "matches", images.on_matches, TWIST_QOS),
            self.create_subscription(Image, "metric_depth", self._on_metric_depth, IMAGE_QOS),
            self.create_subscription(Image, "relative_depth", self._on_relative_depth, IMAGE_QOS),
        ]

    def _unwatch(self) -> None:
        self._camera_topics.close()
        for subscription in self._watching:
            self.destroy_subscription(subscription)
        self._watching = []
        self._images.forget()

    def _on_metric_depth(self, msg: Image):
        self._images.on_depth(msg, True, self.steady_s())

    def _on_relative_depth(self, msg: Image):
        self._images.on_depth(msg, False, self.steady_s())

    # Buttons, in threads of the server

    def _on_capture(self) -> str:
        return self._call(self._capture_goal, Trigger.Request(), _CAPTURE_WITHIN_S)

    def _on_enable(self) -> str:
        return self._call(self._enable, SetBool.Request(data=True), ANSWER_WITHIN_S)

    def _on_stop(self) -> str:
        self._enable.wait_for_service(ANSWER_WITHIN_S)  # a stop may come late, the others must not
        return self._call(self._enable, SetBool.Request(data=False), ANSWER_WITHIN_S)

    def _call(self, client, request, within_s: float) -> str:
        """The node's answer. Raises NoAnswerError."""
        name = self.resolve_service_name(client.srv_name)
        if not client.service_is_ready():
            raise NoAnswerError(f"there is no service {name}: is the node running?")
        answer = answer_within(client, request, within_s)
        if answer is None:
            raise NoAnswerError(f"no answer from {name} within {within_s:g} s; it may still be done")
        if not answer.success:
            raise NoAnswerError(answer.message)
        return answer.message

    def diagnose(self):
        problem = self._problem
        level = DiagnosticStatus.WARN if problem else DiagnosticStatus.OK
        return level, problem or "serving", {"viewers": self._view.viewers}


def _with_unit(value: float, unit: str, digits: int = 0) -> str:
    return f"{value:.{digits}f} {unit}" if math.isfinite(value) else ""


def main() -> int:
    return run(WatchNode)


if __name__ == "__main__":
    raise SystemExit(main())
