"""Drives the running servo along the views of a route, and back."""

import time
from collections.abc import Callable

from std_msgs.msg import Header

from depth_pc_interfaces.msg import ServoStatus
from depth_pc_interfaces.srv import SetGoalImage
from depth_pc_ros.bringup.client import ServoClient, ServoClientError
from depth_pc_ros.bringup.view_taker import camera_info
from depth_pc_ros.files.route_file import View
from depth_pc_ros.nodes.conversions import depth_to_image, rgb_to_image
from depth_pc_ros.types import LATCHED_STATES, MOVING_STATES, ServoState

NEAR_PX = 20.0
_TROUBLE_S = 5.0  # a state in which nothing moves may last so long
_DISABLED_S = 1.0  # the status of before `enable` may still be on its way


def legs(count: int, back: bool) -> list[int]:
    """The views in the order of the drive, from 0 on: through all of them, and back to the first."""
    return [*range(count), *(range(count - 2, -1, -1) if back else ())]


class RouteDrive:
    """One drive. A view is passed where the servo is near enough; it is reached exactly where the drive pauses or ends.

    pause_s: pause at every view, s; None: as the views say. near_px: mean error of the matches at which a view is
    passed. timeout_s: for each view. say: takes a line about each view.
    """

    def __init__(
        self,
        client: ServoClient,
        views: list[View],
        back: bool = False,
        pause_s: float | None = None,
        near_px: float = NEAR_PX,
        timeout_s: float = 60.0,
        say: Callable[[str], None] = print,
    ):
        self._client, self._views = client, views
        self._legs, self._pause_s = legs(len(views), back), pause_s
        self._near_px, self._timeout_s, self._say = near_px, timeout_s, say

    def run(self) -> None:
        """Drive, then disable the servo. Raises ServoClientError, which names the view; the arm is stopped then."""
        self._client.enable(False)
        self._client.timeout_s = max(self._client.timeout_s, 10.0)
        keep_moving = enabled = False
        try:
            for step, index in enumerate(self._legs):
                view = self._views[index]
                pause_s = view.pause_s if self._pause_s is None else self._pause_s
                exact = pause_s > 0 or step == len(self._legs) - 1
                try:
                    goal_id = self._client.call_set_goal(request_of(view, keep_moving)).goal_id
                    if not enabled:
                        self._client.enable(True)
                        enabled = True
                    status = self._arrive(goal_id, exact)
                except ServoClientError as error:
                    raise ServoClientError(f"view {index + 1} of {len(self._views)}: {error}; stopped") from None
                word = "reached" if exact else "passed"
                self._say(f"view {index + 1} of {len(self._views)}: {word}, {status.error_px:.1f} px")
                if pause_s > 0:
                    time.sleep(pause_s)
                keep_moving = not exact
        finally:
            self._client.enable(False)

    def _arrive(self, goal_id: int, exact: bool) -> ServoStatus:
        """The status with which the servo is at this goal. Raises ServoClientError where it does not get there."""
        trouble_since_s: dict[ServoState, float] = {}

        def over(status: ServoStatus) -> bool:
            if status.goal_id != goal_id:
                return False
            state, now_s = ServoState(status.state), time.monotonic()
            if state in MOVING_STATES:
                trouble_since_s.clear()
            return self._is_there(status, exact) or self._is_lost(state, now_s, trouble_since_s)

        status = self._client.wait_for(over, self._timeout_s)
        if not self._is_there(status, exact):
            raise ServoClientError(f"{ServoState(status.state).name}: {status.message}")
        return status

    def _is_there(self, status: ServoStatus, exact: bool) -> bool:
        state = ServoState(status.state)
        return state is ServoState.CONVERGED or (
            not exact and state in MOVING_STATES and status.error_px < self._near_px
        )

    @staticmethod
    def _is_lost(state: ServoState, now_s: float, since_s: dict[ServoState, float]) -> bool:
        """Whether a state ends the drive: at once, or because it has lasted."""
        if state in LATCHED_STATES:
            return True
        if state in MOVING_STATES:
            return False
        limit_s = _DISABLED_S if state is ServoState.DISABLED else _TROUBLE_S
        return now_s - since_s.setdefault(state, now_s) > limit_s


def request_of(view: View, keep_moving: bool) -> SetGoalImage.Request:
    """A view as the goal."""
    header = Header()
    request = SetGoalImage.Request(image=rgb_to_image(view.image, header), distance=view.distance_m)
    request.camera_info = camera_info(view.camera)
    request.keep_moving = keep_moving
    if view.depth_m is not None:
        request.depth = depth_to_image(view.depth_m, header)
    return request
