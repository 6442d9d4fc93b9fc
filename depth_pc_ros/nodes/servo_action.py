"""The controller's `~/servo` action: set a goal image, servo until it is reached, stop."""

import math
from dataclasses import dataclass

from rclpy.action import ActionServer, CancelResponse

from depth_pc_interfaces.action import Servo
from depth_pc_interfaces.msg import ServoStatus
from depth_pc_interfaces.srv import SetGoalImage
from depth_pc_ros.types import LATCHED_STATES, ServoState

_Result = Servo.Result
_SET_GOAL_TIMEOUT_S = 10.0
_GIVE_UP_CODES = {
    ServoState.NO_GOAL: _Result.INVALID_GOAL,
    ServoState.LOST: _Result.LOST,
    ServoState.STALE_INPUT: _Result.STALE_INPUT,
    ServoState.TF_ERROR: _Result.FAULT,
    ServoState.ADAPTER_LOST: _Result.FAULT,
    ServoState.AMBIGUOUS: _Result.AMBIGUOUS,
}


@dataclass
class _Run:
    """One running action goal. goal_id is None until the keypoint node has answered."""

    handle: object
    began_s: float
    goal_id: int | None = None
    enabled: bool = False
    lost_since_s: float | None = None


class ServoAction:
    """Runs one action goal at a time; a new one pre-empts it.

    Nothing here blocks or awaits: the controller's timer calls `tick`, which starts, watches and ends the run. So one
    thread is enough, and no lock is needed. (An `async` callback would keep rclpy's executor busy while it waits.)
    """

    def __init__(self, node):
        self._node = node
        self._run: _Run | None = None
        self._results: dict[bytes, _Result] = {}
        self._set_goal = node.create_client(SetGoalImage, "set_goal_image")
        self._server = ActionServer(
            node,
            Servo,
            "~/servo",
            execute_callback=self._conclude,
            handle_accepted_callback=self._accept,
            cancel_callback=lambda _handle: CancelResponse.ACCEPT,
        )

    def destroy(self) -> None:
        self._server.destroy()

    def halt(self) -> None:
        """The controller is being deactivated."""
        self._finish(_Result.DISABLED, "the controller was deactivated")

    def publish_feedback(self, status: ServoStatus) -> None:
        if self._run is not None:
            self._run.handle.publish_feedback(Servo.Feedback(status=status))

    def _accept(self, handle) -> None:
        self._finish(_Result.PREEMPTED, "another action goal replaced this one")
        self._node.disable()
        self._run = run = _Run(handle, self._node.steady_s())
        request = handle.request
        problem = self._problem(request)
        if problem:
            self._finish(_Result.INVALID_GOAL, problem)
        elif request.image.width == 0:
            if request.distance > 0:
                self._node.set_distance(request.distance)
            run.goal_id = self._node.goal_id
        else:
            goal = SetGoalImage.Request(image=request.image, distance=request.distance)
            future = self._set_goal.call_async(goal)
            future.add_done_callback(lambda future: self._on_goal_set(run, future.result()))

    def _problem(self, request) -> str:
        """Why a request cannot be run; "" when it can."""
        if not self._node.active:
            return "the controller node is not active"
        for name in ("distance", "timeout_s"):
            value = getattr(request, name)
            if not (math.isfinite(value) and value >= 0):
                return f"{name}: expected 0 or more, got {value}"
        if request.image.width == 0 and self._node.goal_id == 0:
            return "no goal image has been set, and the request brings none"
        if request.image.width and not self._set_goal.service_is_ready():
            return f"service {self._set_goal.srv_name} is not available: is the keypoint node running?"
        return ""

    def _on_goal_set(self, run: _Run, response: SetGoalImage.Response) -> None:
        if run is not self._run:
            return
        if response.success:
            run.goal_id = response.goal_id
        else:
            self._finish(_Result.INVALID_GOAL, response.message)

    def tick(self) -> None:
        """Called at the controller's rate."""
        run = self._run
        if run is None:
            return
        now_s = self._node.steady_s()
        timeout_s = run.handle.request.timeout_s
        if run.handle.is_cancel_requested:
            self._finish(_Result.CANCELED, "canceled by the client")
        elif 0 < timeout_s < now_s - run.began_s:
            self._finish(_Result.TIMEOUT, f"not converged within {timeout_s} s")
        elif run.enabled:
            self._watch(run, now_s)
        elif run.goal_id is not None and run.goal_id == self._node.goal_id:
            run.enabled = True
            self._node.enable()
        elif now_s - run.began_s > _SET_GOAL_TIMEOUT_S:
            self._finish(_Result.INVALID_GOAL, f"the goal was not set within {_SET_GOAL_TIMEOUT_S} s")

    def _watch(self, run: _Run, now_s: float) -> None:
        state, message = self._node.state()
        if state not in _GIVE_UP_CODES:
            run.lost_since_s = None
        elif run.lost_since_s is None:
            run.lost_since_s = now_s

        if self._node.goal_id not in (run.goal_id, 0):
            self._finish(_Result.PREEMPTED, f"goal {self._node.goal_id} replaced goal {run.goal_id}")
        elif state is ServoState.CONVERGED:
            self._finish(_Result.NONE, "converged")
        elif state in LATCHED_STATES:  # the codes have the states' names
            self._finish(getattr(_Result, state.name), message)
        elif state is ServoState.DISABLED:
            self._finish(_Result.DISABLED, "the controller was disabled")
        elif run.lost_since_s is not None and now_s - run.lost_since_s > self._node.config.give_up_s:
            self._finish(_GIVE_UP_CODES[state], f"{state.name}: {message}")

    def _finish(self, code: int, message: str) -> None:
        """Stop, and let rclpy call `_conclude` with the result."""
        run, self._run = self._run, None
        if run is None:
            return
        result = _Result(success=code == _Result.NONE, error_code=code, message=message)
        result.error = self._node.error
        result.duration_s = self._node.steady_s() - run.began_s
        self._node.disable()
        self._results[bytes(run.handle.goal_id.uuid)] = result
        run.handle.execute()

    def _conclude(self, handle) -> _Result:
        result = self._results.pop(bytes(handle.goal_id.uuid))
        if result.success:
            handle.succeed()
        elif result.error_code == _Result.CANCELED:
            handle.canceled()
        else:
            handle.abort()
        return result
