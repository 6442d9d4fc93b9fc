"""The controller's `~/servo` action: set a goal image, servo until it is reached, stop."""

import math
from dataclasses import dataclass

import rclpy.action
from rclpy.task import Future, Task
from sensor_msgs.msg import Image

from depth_pc_interfaces.action import Servo
from depth_pc_interfaces.msg import ServoStatus
from depth_pc_interfaces.srv import SetGoalImage
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.nodes.bounds import check_image_msg, goal_distance
from depth_pc_ros.types import LATCHED_STATES, ServoState

_Result = Servo.Result
_SET_GOAL_TIMEOUT_S = 10.0
_RESULT_KEPT_S = 10  # for a client that asks late; rclpy's 15 minutes keep hundreds of goals
_GIVE_UP_CODES = {
    ServoState.NO_GOAL: _Result.INVALID_GOAL,
    ServoState.LOST: _Result.LOST,
    ServoState.STALE_INPUT: _Result.STALE_INPUT,
    ServoState.TF_ERROR: _Result.FAULT,
    ServoState.ADAPTER_LOST: _Result.FAULT,
    ServoState.AMBIGUOUS: _Result.AMBIGUOUS,
}


class ActionServer(rclpy.action.ActionServer):
    """Ends a goal at once, not in a later turn of the executor.

    The node may be about to clean up or to end: there would be no such turn, and the client would wait for ever.
    """

    def notify_execute(self, goal_handle, execute_callback):
        Task(self._execute_goal, (execute_callback or self._execute_callback, goal_handle))()

    def add_future(self, future):
        """Only a waitable's futures leave what follows them to the executor: here the answer follows at once."""

    def remove_future(self, future):
        """There is none."""


@dataclass
class _Run:
    """One running action goal. goal_id is None until the keypoint node has answered `asked`."""

    handle: object
    began_s: float
    goal_id: int | None = None
    asked: Future | None = None
    enabled: bool = False
    converged: bool = False
    lost_since_s: float | None = None


class ServoAction:
    """Runs one action goal at a time; a new one pre-empts it.

    Nothing here blocks or awaits: the controller's timer calls `tick`, which starts, watches and ends the run. So one
    thread is enough, and no lock is needed. (An `async` callback would keep rclpy's executor busy while it waits.)
    """

    def __init__(self, node):
        self._node = node
        self._run: _Run | None = None
        self._set_goal = node.create_client(SetGoalImage, "set_goal_image")
        self._server = ActionServer(
            node,
            Servo,
            "~/servo",
            execute_callback=lambda _: None,  # each goal brings its own
            handle_accepted_callback=self._accept,
            cancel_callback=lambda _handle: rclpy.action.CancelResponse.ACCEPT,
            result_timeout=_RESULT_KEPT_S,
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
        image, request.image = request.image, Image()  # the handle outlives the goal: not with its image
        problem = self._problem(request, image)
        if problem:
            self._finish(_Result.INVALID_GOAL, problem)
        elif image.width == 0:
            if request.distance > 0:
                self._node.set_distance(request.distance)
            run.goal_id = self._node.goal_id
        else:
            run.asked = self._set_goal.call_async(SetGoalImage.Request(image=image, distance=request.distance))
            run.asked.add_done_callback(lambda future: self._on_goal_set(run, future.result()))

    def _problem(self, request: Servo.Goal, image: Image) -> str:
        """Why a request cannot be run; "" when it can."""
        if not self._node.active:
            return "the controller node is not active"
        for name in ("distance", "timeout_s"):
            value = getattr(request, name)
            if not (math.isfinite(value) and value >= 0):
                return f"{name}: expected 0 or more, got {value}"
        try:
            goal_distance(request.distance)
            if image.width:
                check_image_msg(image, "goal image", 1)
        except DepthPcError as error:
            return str(error)
        if image.width == 0 and self._node.goal_id == 0:
            return "no goal image has been set, and the request brings none"
        if image.width and not self._set_goal.service_is_ready():
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
        elif run.converged:
            self._finish(_Result.NONE, "converged")
        elif 0 < timeout_s < now_s - run.began_s:
            self._finish(_Result.TIMEOUT, f"not converged within {timeout_s} s")
        elif run.enabled:
            self._watch(run, now_s)
        elif run.goal_id is not None and run.goal_id == self._node.goal_id:
            run.enabled = True
            self._node.enable()
        elif now_s - run.began_s > _SET_GOAL_TIMEOUT_S:
            self._finish(_Result.INVALID_GOAL, self._not_set(run))

    def _not_set(self, run: _Run) -> str:
        """Why the goal has not come in time."""
        if run.goal_id is None:
            name = self._set_goal.srv_name
            return f"{name} did not answer within {_SET_GOAL_TIMEOUT_S:g} s: has the keypoint node ended?"
        problem = self._node.goal_problem or "has another keypoint node set it, or is `goal` not connected?"
        return f"goal {run.goal_id} did not reach the controller within {_SET_GOAL_TIMEOUT_S:g} s: {problem}"

    def _watch(self, run: _Run, now_s: float) -> None:
        state, message = self._node.state()
        if state not in _GIVE_UP_CODES:
            run.lost_since_s = None
        elif run.lost_since_s is None:
            run.lost_since_s = now_s

        if self._node.goal_id not in (run.goal_id, 0):
            self._finish(_Result.PREEMPTED, f"goal {self._node.goal_id} replaced goal {run.goal_id}")
        elif state is ServoState.CONVERGED:
            run.converged = True  # the result comes a tick later: the client gets the feedback before it
        elif state in LATCHED_STATES:  # the codes have the states' names
            self._finish(getattr(_Result, state.name), message)
        elif state is ServoState.DISABLED:
            self._finish(_Result.DISABLED, "the controller was disabled")
        elif run.lost_since_s is not None and now_s - run.lost_since_s > self._node.config.give_up_s:
            self._finish(_GIVE_UP_CODES[state], f"{state.name}: {message}")

    def _finish(self, code: int, message: str) -> None:
        """Stop, and send the result."""
        run, self._run = self._run, None
        if run is None:
            return
        if run.asked is not None:
            self._set_goal.remove_pending_request(run.asked)
        result = _Result(success=code == _Result.NONE, error_code=code, message=message)
        result.error = self._node.error
        result.duration_s = self._node.steady_s() - run.began_s
        self._node.disable()
        run.handle.execute(lambda handle: _conclude(handle, result))


def _conclude(handle, result: _Result) -> _Result:
    if result.success:
        handle.succeed()
    elif result.error_code == _Result.CANCELED:
        handle.canceled()
    else:
        handle.abort()
    return result
