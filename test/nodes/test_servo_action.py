import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.task import Future
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool
from waits import SLOW_MACHINE_S, WAIT_S

from depth_pc_interfaces.action import Servo
from depth_pc_interfaces.srv import SetGoalImage
from depth_pc_ros.nodes import servo_action
from depth_pc_ros.nodes.controller_node import ControllerNode
from depth_pc_ros.nodes.conversions import rgb_to_image
from depth_pc_ros.types import ServoState

pytestmark = pytest.mark.ros

Result = Servo.Result


class ServoCaller:
    """The controller, its camera, and a client of its action."""

    def __init__(self, runner, camera):
        self.runner, self.camera = runner, camera
        self.node = runner.add(ControllerNode, give_up_s=1.0)
        runner.wait(lambda: camera.matches.get_subscription_count() == 1, "the matches' reader")
        runner.wait(lambda: self.node._twist_pub.get_subscription_count() == 1, "the twists' reader")
        self.client = ActionClient(runner.node, Servo, "controller/servo")
        assert self.client.wait_for_server(timeout_sec=WAIT_S)
        self.feedback = []

    def set_goal(self):
        self.camera.set_goal()
        self.runner.wait(lambda: self.node.goal_id == self.camera.goal_id, "the goal")

    def send(self, **goal):
        """The accepted goal's handle."""
        future = self.client.send_goal_async(
            Servo.Goal(**goal), feedback_callback=lambda msg: self.feedback.append(msg.feedback.status)
        )
        self.runner.wait(future.done, "the goal to be accepted")
        assert future.result().accepted
        return future.result()

    def result(self, handle, timeout_s=WAIT_S):
        """Final status and result of a goal."""
        future = handle.get_result_async()
        self.runner.wait(future.done, "a result", timeout_s)
        return future.result().status, future.result().result

    def run(self, **goal):
        return self.result(self.send(**goal))

    def moving(self):
        count = len(self.camera.twists)
        self.runner.wait(lambda: len(self.camera.twists) > count + 3 and self.camera.twists[-1][1].any(), "motion")

    def stopped(self) -> bool:
        self.runner.wait(lambda: not self.camera.twists[-1][1].any(), "the last zero")
        return self.node.state()[0] is ServoState.DISABLED


@pytest.fixture
def caller(runner, camera):
    return ServoCaller(runner, camera)


def test_runs_to_convergence_with_feedback_and_disables(caller):
    caller.set_goal()
    caller.camera.live()
    status, result = caller.run(timeout_s=WAIT_S)
    assert (status, result.success, result.error_code) == (GoalStatus.STATUS_SUCCEEDED, True, Result.NONE)
    assert 0.5 < result.duration_s < WAIT_S
    assert result.error < 0.01
    assert caller.camera.error()[0] < 2.0
    assert {ServoState.SERVOING, ServoState.CONVERGED} <= {feedback.state for feedback in caller.feedback}
    assert caller.stopped()


def goal_service(caller, answer):
    """Replace the keypoint node's service; returns the requests it gets."""
    requests = []

    def serve(request, response):
        requests.append(request)
        for name, value in answer.items():
            setattr(response, name, value)
        if response.success:
            caller.camera.set_goal(distance=request.distance, goal_id=response.goal_id)
        return response

    caller.runner.node.create_service(SetGoalImage, "set_goal_image", serve)
    caller.runner.wait(caller.node.action._set_goal.service_is_ready, "the service")
    return requests


def picture() -> Image:
    return rgb_to_image(np.full((48, 64, 3), 9, np.uint8), Header())


def test_an_image_is_set_as_the_goal_first(caller):
    requests = goal_service(caller, {"success": True, "goal_id": 4})
    handle = caller.send(image=picture(), distance=0.7)
    caller.runner.wait(lambda: caller.node.goal_id == 4, "the goal")
    caller.camera.live()
    status, _ = caller.result(handle)
    assert status == GoalStatus.STATUS_SUCCEEDED
    assert (requests[0].distance, requests[0].image.width) == (0.7, 64)


def test_a_refused_image_ends_with_the_services_message(caller):
    goal_service(caller, {"success": False, "message": "too little texture"})
    status, result = caller.run(image=picture())
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, Result.INVALID_GOAL)
    assert result.message == "too little texture"
    assert not caller.camera.twists


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ({}, "no goal image has been set"),
        ({"distance": float("nan")}, "distance: expected 0 or more"),
        ({"distance": -1.0}, "distance: expected 0 or more"),
        ({"timeout_s": -1.0}, "timeout_s: expected 0 or more"),
        ({"image": picture()}, "is the keypoint node running?"),
    ],
)
def test_wrong_requests(caller, goal, words):
    status, result = caller.run(**goal)
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, Result.INVALID_GOAL)
    assert words in result.message
    assert not caller.camera.twists


def test_a_distance_without_an_image_changes_the_goals(caller):
    caller.set_goal()
    caller.camera.live()
    handle = caller.send(distance=1.2)
    caller.moving()
    assert caller.node._servo.goal.distance_m == 1.2
    handle.cancel_goal_async()


def test_cancel(caller):
    caller.set_goal()
    caller.camera.live()
    handle = caller.send()
    caller.moving()
    handle.cancel_goal_async()
    status, result = caller.result(handle)
    assert (status, result.error_code) == (GoalStatus.STATUS_CANCELED, Result.CANCELED)
    assert caller.stopped()


def test_timeout(caller):
    caller.set_goal()
    caller.camera.live()
    status, result = caller.run(timeout_s=0.4)
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, Result.TIMEOUT)
    assert 0.4 <= result.duration_s < 0.4 + SLOW_MACHINE_S
    assert caller.stopped()


def test_a_new_goal_pre_empts(caller):
    caller.set_goal()
    caller.camera.live()
    first = caller.send()
    caller.moving()
    second = caller.send()
    status, result = caller.result(first)
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, Result.PREEMPTED)
    status, result = caller.result(second)
    assert (status, result.error_code) == (GoalStatus.STATUS_SUCCEEDED, Result.NONE)


def test_another_goal_image_pre_empts(caller):
    caller.set_goal()
    caller.camera.live()
    handle = caller.send()
    caller.moving()
    caller.set_goal()
    _, result = caller.result(handle)
    assert (result.error_code, result.message) == (Result.PREEMPTED, "goal 2 replaced goal 1")
    assert caller.stopped()


def test_disable_ends_the_run(caller):
    caller.set_goal()
    caller.camera.live()
    handle = caller.send()
    caller.moving()
    caller.runner.call(SetBool, "controller/enable", SetBool.Request(data=False))
    _, result = caller.result(handle)
    assert result.error_code == Result.DISABLED


def test_deactivation_ends_the_run(caller):
    caller.set_goal()
    caller.camera.live()
    handle = caller.send()
    caller.moving()
    caller.node.trigger_deactivate()
    _, result = caller.result(handle)
    assert (result.error_code, result.message) == (Result.DISABLED, "the controller was deactivated")
    assert caller.run()[1].message == "the controller node is not active"


def test_fails_without_a_usable_view(caller):
    caller.set_goal()
    caller.camera.live()
    handle = caller.send()
    caller.moving()
    caller.camera.freeze()
    _, result = caller.result(handle)
    assert result.error_code == Result.STALE_INPUT
    assert "no matched image for" in result.message
    assert caller.stopped()


# Every goal is answered, and nothing of it is kept


ENDS = {
    "cleanup": lambda node: (node.trigger_deactivate(), node.trigger_cleanup()),
    "shutdown": lambda node: node.trigger_shutdown(),
    "error": lambda node: node.on_error(None),
    "signal": lambda node: node.shutdown_safely(),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_the_node_answers_the_client(caller, end):
    caller.set_goal()
    caller.camera.live()
    handle = caller.send()
    caller.moving()
    future = handle.get_result_async()
    server = next(iter(caller.node.action._server._result_futures.values()))
    caller.runner.wait(lambda: server._callbacks, "the request of the result")
    caller.runner.executor.create_task(ENDS[end], caller.node)  # no turn of the executor in between
    caller.runner.wait(future.done, "a result")
    result = future.result()
    assert (result.status, result.result.error_code) == (GoalStatus.STATUS_ABORTED, Result.DISABLED)
    assert result.result.message == "the controller was deactivated"
    caller.runner.wait(lambda: not caller.camera.twists[-1][1].any(), "the last zero")


def test_a_goal_leaves_no_image_and_its_result_is_kept_for_seconds(runner, camera, monkeypatch):
    monkeypatch.setattr(servo_action, "_RESULT_KEPT_S", 1)
    caller = ServoCaller(runner, camera)
    goal_service(caller, {"success": False, "message": "too little texture"})
    handles = caller.node.action._server._goal_handles
    for _ in range(3):
        _, result = caller.run(image=picture())
        assert result.message == "too little texture"
    assert [len(handle.request.image.data) for handle in handles.values()] == [0] * len(handles)
    caller.runner.wait(lambda: not handles, "the results to be dropped")


class SilentKeypoints:
    """In place of the client of the keypoint node's service: a node that took the request and ended."""

    srv_name = "/keypoints/set_goal_image"

    def __init__(self):
        self.pending = []

    def service_is_ready(self):
        return True

    def call_async(self, request):
        self.pending.append(Future())
        return self.pending[-1]

    def remove_pending_request(self, future):
        self.pending.remove(future)


@pytest.fixture
def silent(caller, monkeypatch):
    keypoints = SilentKeypoints()
    monkeypatch.setattr(servo_action, "_SET_GOAL_TIMEOUT_S", 0.5)
    monkeypatch.setattr(caller.node.action, "_set_goal", keypoints)
    return keypoints


def test_a_keypoint_node_that_ends_before_its_answer_is_named(caller, silent):
    status, result = caller.run(image=picture())
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, Result.INVALID_GOAL)
    assert result.message == ("/keypoints/set_goal_image did not answer within 0.5 s: has the keypoint node ended?")
    assert not silent.pending


def test_a_goal_that_the_controller_refuses_is_answered_with_the_cause(caller, silent):
    caller.set_goal()
    handle = caller.send(image=picture())
    caller.runner.wait(lambda: silent.pending, "the request")
    silent.pending[0].set_result(SetGoalImage.Response(success=True, goal_id=7))
    caller.camera.set_goal(goal_id=7, distance=1e300)
    _, result = caller.result(handle)
    assert "goal 7 did not reach the controller within 0.5 s: goal 7 was refused: distance" in result.message
    assert caller.node.goal_id == 1


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ({"image": Image(width=12000, height=12000, encoding="rgb8", step=36000)}, "goal image: expected at most 8192"),
        ({"image": Image(width=640, height=480, encoding="rgb8", step=1920)}, "goal image: expected step * height"),
        ({"distance": 1e300}, "distance: expected metres > 0, from 0.001 to 1000"),
        ({"timeout_s": float("inf")}, "timeout_s: expected 0 or more, got inf"),
    ],
)
def test_absurd_requests_are_refused_before_the_keypoint_node_is_asked(caller, silent, goal, words):
    caller.set_goal()
    status, result = caller.run(**goal)
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, Result.INVALID_GOAL)
    assert words in result.message
    assert not silent.pending
    assert caller.node.goal_id == 1
