"""`keypoints`: live images in, keypoint matches with the goal image out. Keeps the goal."""

import time
from array import array

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal
from depth_pc_interfaces.srv import SetGoalFile, SetGoalImage
from depth_pc_ros.errors import DepthPcError, GoalError
from depth_pc_ros.geometry.camera import Intrinsics, Rectifier
from depth_pc_ros.nodes.base import IMAGE_QOS, LATCHED_QOS, TWIST_QOS, ServoNode, run
from depth_pc_ros.nodes.bounds import check_fits, check_size, goal_distance, opencv_errors
from depth_pc_ros.nodes.conversions import (
    as_raw_depth,
    as_raw_image,
    depth_to_image,
    depth_to_metres,
    intrinsics_to_info,
    mask_from_image,
    matches_to_msg,
    rectified_rgb,
    rectifier_from_info,
    rgb_to_image,
    stamp_to_seconds,
)
from depth_pc_ros.nodes.goal_files import request_of_files
from depth_pc_ros.nodes.image_source import SILENT_S, WATCH_PERIOD_S, CameraTopics
from depth_pc_ros.nodes.live_camera import LiveCamera
from depth_pc_ros.nodes.node_configs import KeypointNodeConfig
from depth_pc_ros.perception.factory import make_matcher
from depth_pc_ros.perception.goal_mask import allowed_places, check_mask, read_mask
from depth_pc_ros.types import Matches
from depth_pc_ros.view.drawing import draw_matches

_CAPTURE_MAX_AGE_S = 2.0  # a camera that has been silent for longer is not live
_CAPTURE_DEPTH_SLACK_S = 0.05  # depth this far from the image in time still belongs to it


class KeypointNode(ServoNode):
    """Matches every newest image with the goal; a frame that comes while one is matched replaces the waiting one.

    In: `image`, `camera_info`, `depth_image` (only for captured goals). Out: `~/matches`, `~/goal`, `~/goal_image`,
    `~/debug_image`, `~/status` (why images are not matched). Services: `~/set_goal_image`, `~/set_goal_file`,
    `~/capture_goal`. Before a goal is set, matches have goal_id 0 and no points. A wrong image is not matched, so the
    controller's watchdog stops the motion.
    """

    def __init__(self, **node_options):
        super().__init__("keypoints", KeypointNodeConfig, **node_options)

    def build(self):
        # A search, or a detection, must not hold up the images; in lockstep they wait for it.
        self._matcher = make_matcher(self.config, background=True, repeats=self.config.lockstep)
        self._camera = LiveCamera(self.config.rectified, self.config.max_width)
        self._image: Image | CompressedImage | None = None
        self._image_steady_s = 0.0
        self._depth: Image | CompressedImage | None = None
        self._goal_id = 0
        self._last_goal_id = 0
        self._goal_view: np.ndarray | None = None
        self._goal_camera: Intrinsics | None = None
        self._goal_rectifier: Rectifier | None = None  # of the live camera when the goal was set; None: it had none
        self._problem = "no image has arrived"
        self._places_problem = ""  # why the options mask and roi do not fit the camera
        self._cleared = ""  # why there is no goal any more
        self._reported: str | None = None  # the problem that was published last
        self._frames = 0
        self._num_matched = 0
        self._doubt = ""  # of the last image without matches: what is searched meanwhile

        self._matches_pub = self.create_lifecycle_publisher(KeypointMatches, "~/matches", TWIST_QOS)
        self._debug_pub = self.create_lifecycle_publisher(Image, "~/debug_image", IMAGE_QOS)
        self._goal_pub = self.create_publisher(ServoGoal, "~/goal", LATCHED_QOS)
        self._goal_image_pub = self.create_publisher(Image, "~/goal_image", LATCHED_QOS)
        self._status_pub = self.create_publisher(DiagnosticStatus, "~/status", LATCHED_QOS)
        # The camera's info comes before the image it belongs to, so its subscription does too.
        self._camera_topics = CameraTopics(self)
        self._infos = self._camera_topics.create_subscription(CameraInfo, "camera_info", self._on_camera_info)
        self._camera_topics.create_subscription(Image, "depth_image", self._on_depth)
        self._images = self._camera_topics.create_subscription(Image, "image", self._on_image)
        self.create_timer(WATCH_PERIOD_S, self._publish_status, clock=self.steady_clock)
        self.create_service(SetGoalImage, "~/set_goal_image", self._on_set_goal_image)
        self.create_service(SetGoalFile, "~/set_goal_file", self._on_set_goal_file)
        self.create_service(Trigger, "~/capture_goal", self._on_capture_goal)

    def begin(self):
        self._publish_status()

    def dismantle(self):
        self._camera_topics.close()

    # The camera

    @property
    def problem(self) -> str:
        """Why images are not matched, for a person; empty: they are, or nothing but the goal is missing."""
        if self._image is None or self.steady_s() - self._image_steady_s > SILENT_S:
            return self._images.silence() or self._problem
        if self._problem and self._problem == self._camera.problem and (silence := self._infos.silence()):
            return f"{self._problem}: {silence}"
        return self._problem or self._places_problem

    def _publish_status(self) -> None:
        """Tell the controller, which has the servo's status, when the problem changes."""
        message = self.problem or self._cleared
        if self.active and message != self._reported:
            self._reported = message
            level = DiagnosticStatus.WARN if message else DiagnosticStatus.OK
            name = self.get_fully_qualified_name()
            self._status_pub.publish(DiagnosticStatus(level=level, name=name, message=message))

    def _on_camera_info(self, info: CameraInfo):
        if not self._camera.update(info):
            return
        if self._camera.problem:  # images wait for a usable one, and the goal stays
            self.get_logger().warning(f"camera_info not used: {self._camera.problem}", throttle_duration_sec=2.0)
            return
        live = self._camera.rectifier
        if live.lens.distorts and "image_rect" in self._images.topic:
            self.get_logger().warning(
                f"{self._images.topic} sounds rectified, and camera_info has a distortion, which is undone: give "
                "rectified:=true if the images have none"
            )
        try:
            self._places_problem = ""
            self._places(live)
        except DepthPcError as error:
            self._places_problem = str(error)
            self.get_logger().warning(self._places_problem)
        before, self._goal_rectifier = self._goal_rectifier or live, live
        if self._goal_id and not (live.target == self._goal_camera and live.sees_as(before)):
            self._clear_goal("the live camera is not the goal's any more (camera_info changed)")

    def _on_depth(self, msg: Image | CompressedImage):
        self._depth = msg

    # Every frame

    def _on_image(self, msg: Image | CompressedImage):
        if not self.active:
            return
        self._frames += 1
        self._image, self._image_steady_s = msg, self.steady_s()
        try:
            rectifier = self._camera.rectifier
            with opencv_errors("image"):
                live = rectified_rgb(msg, rectifier)
                matches = self._matcher.match(live) if self._goal_id else Matches.none(0)
        except DepthPcError as error:
            self._problem = str(error)
            self.get_logger().warning(f"image not used: {error}", throttle_duration_sec=2.0)
            self._publish_status()
            return
        self._problem = ""
        self._publish_status()
        self._num_matched = matches.num_matched
        if not matches.num_matched and matches.doubt not in ("", self._doubt):
            self._doubt = matches.doubt
            self.get_logger().info(self._doubt)
        self._matches_pub.publish(matches_to_msg(matches, self._goal_id, msg.header))
        if self._debug_pub.get_subscription_count() > 0:
            self._debug_pub.publish(rgb_to_image(self._draw(live, matches), msg.header))

    def _draw(self, live: np.ndarray, matches: Matches) -> np.ndarray:
        """Goal and live view (H, W, 3) side by side, with their matches."""
        if not self._goal_id:
            return np.hstack([np.zeros_like(live), live])
        return draw_matches(self._goal_view, live, self._matcher.goal_points, matches)

    # Goals

    def _on_set_goal_image(self, request: SetGoalImage.Request, response: SetGoalImage.Response):
        try:
            with opencv_errors("goal image"):
                response.num_keypoints = self._set_goal(request)
        except DepthPcError as error:
            response.message = str(error)
            self.get_logger().warning(f"goal refused: {error}")
            return response
        response.success = True
        response.goal_id = self._goal_id
        response.message = f"goal {self._goal_id} set: {response.num_keypoints} keypoints"
        return response

    def _on_set_goal_file(self, request: SetGoalFile.Request, response: SetGoalFile.Response):
        try:
            asked = request_of_files(request)
        except DepthPcError as error:
            response.message = str(error)
            self.get_logger().warning(f"goal refused: {error}")
            return response
        return self._on_set_goal_image(asked, response)

    def _on_capture_goal(self, _request, response: Trigger.Response):
        request = SetGoalImage.Request()
        age_s = self.steady_s() - self._image_steady_s
        if self._image is None or age_s > _CAPTURE_MAX_AGE_S:
            silence = "has arrived yet" if self._image is None else f"for {age_s:.1f} s"
            response.message = f"nothing to capture: no image {silence}"
            return response
        try:
            with opencv_errors("image"):
                request.image = as_raw_image(self._image)
                if self._depth is not None:
                    apart_s = stamp_to_seconds(self._depth.header.stamp) - stamp_to_seconds(self._image.header.stamp)
                    if abs(apart_s) <= _CAPTURE_DEPTH_SLACK_S:
                        request.depth = as_raw_depth(self._depth)
        except DepthPcError as error:
            response.message = str(error)
            return response
        answer = self._on_set_goal_image(request, SetGoalImage.Response())
        response.success, response.message = answer.success, answer.message
        return response

    def _set_goal(self, request: SetGoalImage.Request) -> int:
        """Make the request's image the goal; returns its number of keypoints. The old goal stays on any error."""
        if not self.active:
            raise GoalError("the keypoint node is not active")
        distance = goal_distance(request.distance)
        rectifier = self._request_rectifier(request)
        size = rectifier.source.size
        image = rectified_rgb(request.image, rectifier, "goal image")
        depth = None
        if request.depth.width and request.depth.height:
            check_fits(request.depth, "goal depth", size, of_image=True)
            depth = rectifier.depth(depth_to_metres(request.depth, "goal depth"))

        count = self._matcher.set_goal(image, rectifier.target, self._mask(request, rectifier))
        self._goal_camera = rectifier.target
        self._goal_rectifier = None if self._camera.problem else self._camera.rectifier
        # Unique across restarts, too: matches of an older goal are never taken for those of this one.
        self._last_goal_id = self._goal_id = max(self._last_goal_id + 1, time.time_ns() // 10**6)
        self._goal_view = image
        self._cleared = ""
        header = Header(frame_id=request.image.header.frame_id, stamp=self.get_clock().now().to_msg())
        goal = ServoGoal(header=header, goal_id=self._goal_id, distance=distance or 0.0)
        goal.keep_moving = request.keep_moving
        goal.image = rgb_to_image(image, header)
        goal.keypoints = array("d", self._matcher.goal_points.tobytes())
        goal.camera_info = intrinsics_to_info(rectifier.target, header)
        if depth is not None:
            goal.depth = depth_to_image(depth, header)
        self._goal_pub.publish(goal)
        self._goal_image_pub.publish(goal.image)
        self.get_logger().info(f"goal {self._goal_id}: {count} keypoints")
        return count

    def _mask(self, request: SetGoalImage.Request, rectifier: Rectifier) -> np.ndarray | None:
        """What may be matched of the rectified image, (H, W) bool, from the request and the options; None: all."""
        given = None
        if request.mask.width and request.mask.height:
            check_fits(request.mask, "goal mask", rectifier.source.size, of_image=True)
            mask = check_mask(mask_from_image(request.mask, "goal mask"), rectifier.source.size, "goal mask")
            given = rectifier.mask(mask)
        # The options are of the live camera, as it delivers images.
        return self._places(
            self._camera.rectifier if self.config.mask or not self._camera.problem else rectifier, given
        )

    def _places(self, live: Rectifier, given: np.ndarray | None = None) -> np.ndarray | None:
        """What the options and `given` (H, W) leave of a rectified image; None: all. Raises DepthPcError."""
        mask = None
        if self.config.mask:
            mask = live.mask(check_mask(read_mask(self.config.mask), live.source.size, "mask (option)"))
        return allowed_places(self.config, live.target.size, given, mask, live.source.size)

    def _request_rectifier(self, request: SetGoalImage.Request) -> Rectifier:
        """Map from the goal image's pixels to the live camera's."""
        check_size(request.image.width, request.image.height, "goal image")
        if np.any(request.camera_info.k):
            target = None if self._camera.problem else self._camera.rectifier.target
            return rectifier_from_info(request.camera_info, target, self.config.rectified, self.config.max_width)
        rectifier = self._camera.rectifier
        size, live = (request.image.width, request.image.height), rectifier.source.size
        if size != live:
            raise GoalError(
                f"goal image: is {size[0]} x {size[1]}, the live camera's images are {live[0]} x {live[1]}; "
                "a goal of another camera needs its own camera_info"
            )
        return rectifier

    def _clear_goal(self, reason: str) -> None:
        self._goal_id = 0
        self._cleared = f"the goal was cleared, set it again: {reason}"
        self._goal_pub.publish(ServoGoal(header=Header(stamp=self.get_clock().now().to_msg())))
        self.get_logger().warning(f"goal cleared: {reason}; set it again")

    def diagnose(self):
        values = {"rate_hz": self._frames, "goal_id": self._goal_id, "matches": self._num_matched}
        problem = self.problem
        self._frames = 0
        level = DiagnosticStatus.WARN if problem else DiagnosticStatus.OK
        return level, problem or (self._doubt if self._goal_id and not self._num_matched else "") or "matching", values


def main() -> int:
    return run(KeypointNode)


if __name__ == "__main__":
    raise SystemExit(main())
