"""What the live view draws: camera images, each with its own matches, the goal, and depth."""

from collections import OrderedDict

import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.geometry.camera import check_image
from depth_pc_ros.nodes.bounds import check_header, opencv_errors
from depth_pc_ros.nodes.conversions import (
    depth_to_metres,
    goal_from_msg,
    image_to_rgb,
    matches_from_msg,
    rectified_rgb,
    relative_depth_from_image,
    stamp_to_seconds,
)
from depth_pc_ros.nodes.live_camera import LiveCamera
from depth_pc_ros.types import Matches
from depth_pc_ros.view.drawing import Reduction, depth_picture, difference, draw_goal, draw_live, overlay
from depth_pc_ros.view.live_view import LiveView

_KEPT_BYTES = 64_000_000  # of images whose matches have not come
_BEHIND_S = 1.0  # matches of an image this much older than the newest one are not shown any more
_DEPTH_OLD_S = 5.0  # a network that estimates depth may need a second or two


class WatchedImages:
    """Takes messages as they come, and draws the newest of them when it is told to.

    rectified, longest: see `LiveCamera`.
    """

    def __init__(self, rectified: bool, longest: int):
        self._camera = LiveCamera(rectified, longest)
        self._goal: tuple[int, np.ndarray, np.ndarray] | None = None  # identity, image, keypoints
        self._goal_problem = ""
        self.forget()

    def forget(self) -> None:
        """All but the goal and the camera: nobody looks any more."""
        self._images: OrderedDict[tuple[int, int], Image | CompressedImage] = OrderedDict()  # by stamp
        self._matches: KeypointMatches | None = None
        self._pair: tuple = (None, None)  # the newest matches whose image is there, after that image
        self._depth: tuple[Image, bool, float] | None = None  # message, whether it is metric, when it came
        self._drawn: tuple = ()  # what the pictures were drawn from
        self._drawn_depth: tuple | None = None
        self.problem = ""  # why the newest images are not shown

    # Messages

    def on_camera_info(self, info: CameraInfo) -> None:
        self._camera.update(info)

    def on_image(self, msg: Image | CompressedImage) -> None:
        self._images[_key(msg)] = msg
        size = sum(len(kept.data) for kept in self._images.values())
        while size > _KEPT_BYTES and len(self._images) > 1:
            size -= len(self._images.popitem(last=False)[1].data)
        self._join()

    def on_matches(self, msg: KeypointMatches) -> None:
        self._matches = msg
        self._join()
        for key in [key for key in self._images if key < _key(msg)]:  # their turn is over
            del self._images[key]

    def _join(self) -> None:
        if self._matches is not None and (image := self._images.get(_key(self._matches))) is not None:
            self._pair = image, self._matches

    def on_goal(self, msg: ServoGoal) -> None:
        self._goal, self._goal_problem = None, ""
        if msg.goal_id:
            try:
                with opencv_errors("goal image"):
                    image = check_image(image_to_rgb(msg.image, "goal image"), "goal image")
                    self._goal = msg.goal_id, image, goal_from_msg(msg).keypoints
            except DepthPcError as error:
                self._goal_problem = str(error)

    def on_depth(self, msg: Image, metric: bool, now_s: float) -> None:
        self._depth = msg, metric, now_s

    # Pictures

    def draw(self, view: LiveView, now_s: float) -> None:
        """Show what the view wants and what is new. now_s: s of the clock of `on_depth`."""
        image, matches = self._newest()
        origin = (image, matches, self._goal, view.wanted)
        if len(self._drawn) != len(origin) or any(new is not old for new, old in zip(origin, self._drawn)):
            self._drawn = origin
            self.problem = self._goal_problem
            try:
                with opencv_errors("image"):
                    self._draw_images(view, image, matches)
            except DepthPcError as error:
                self.problem = str(error)
        if "depth" in view.wanted:
            self._draw_depth(view, now_s)

    def _newest(self) -> tuple[Image | CompressedImage | None, KeypointMatches | None]:
        """An image with its matches; where the newest are old, the newest image alone."""
        image = self._pair[0]
        newest = next(reversed(self._images.values()), image)
        if newest is None:
            return None, None
        if image is None or stamp_to_seconds(newest.header.stamp) - stamp_to_seconds(image.header.stamp) > _BEHIND_S:
            return newest, None
        return self._pair

    def _draw_images(self, view: LiveView, image: Image | CompressedImage | None, msg: KeypointMatches | None) -> None:
        goal, points = (None, np.zeros((0, 2))) if self._goal is None else self._goal[1:]
        live, matches = None, Matches.none(len(points))
        if image is not None:
            check_header(image.header, "image")
            live = rectified_rgb(image, self._camera.rectifier)
        if msg is not None and self._goal is not None and msg.goal_id == self._goal[0]:
            of_goal = matches_from_msg(msg)
            matches = of_goal if len(of_goal.matched) == len(points) else matches
        both = live is not None and goal is not None and live.shape == goal.shape
        shown = live if live is not None else goal
        if shown is not None:
            reduction = Reduction(shown.shape[1::-1])
            live, goal = (None if picture is None else reduction.image(picture) for picture in (live, goal))
            points, matches = reduction.points(points), reduction.matches(matches)
        pictures = {
            "live": lambda: None if live is None else draw_live(live, points, matches),
            "goal": lambda: None if goal is None else draw_goal(goal, points, matches),
            "overlay": lambda: overlay(live, goal) if both else None,
            "difference": lambda: difference(live, goal) if both else None,
        }
        for name, draw in pictures.items():
            if name in view.wanted:
                view.show(name, draw())

    def _draw_depth(self, view: LiveView, now_s: float) -> None:
        newest = self._depth
        if newest is None or now_s - newest[2] > _DEPTH_OLD_S:
            view.show("depth", None)
        elif newest is not self._drawn_depth:
            self._drawn_depth = newest
            try:
                depth = (depth_to_metres if newest[1] else relative_depth_from_image)(newest[0])
            except DepthPcError as error:
                self.problem = str(error)
                return
            view.show("depth", Reduction(depth.shape[::-1]).image(depth_picture(depth)))


def _key(msg) -> tuple[int, int]:
    return msg.header.stamp.sec, msg.header.stamp.nanosec
