from types import SimpleNamespace

import numpy as np
import pytest

from depth_pc_interfaces.msg import ServoStatus
from depth_pc_ros.bringup.client import ServoClientError
from depth_pc_ros.bringup.route_drive import RouteDrive, legs, request_of
from depth_pc_ros.bringup.view_taker import camera_info, camera_model
from depth_pc_ros.files.route_file import CameraModel, View
from depth_pc_ros.types import ServoState

K = (540.0, 0.0, 31.5, 0.0, 540.0, 23.5, 0.0, 0.0, 1.0)
CAMERA = CameraModel(64, 48, "plumb_bob", (0.1, 0.0, 0.0, 0.0, 0.0), K, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
                     (*K[:3], 0.0, *K[3:6], 0.0, *K[6:], 0.0))  # fmt: skip
SERVOING, CONVERGED = ServoState.SERVOING, ServoState.CONVERGED


class FakeClient:
    """Answers each goal with statuses of its own: (state, error in px)."""

    timeout_s = 10.0

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = []

    def enable(self, on):
        self.calls.append("enable" if on else "disable")

    def call_set_goal(self, request):
        self.calls.append(("passing" if request.keep_moving else "from rest", request.distance))
        self.goal_id = sum(isinstance(call, tuple) for call in self.calls)
        return SimpleNamespace(goal_id=self.goal_id)

    def wait_for(self, over, timeout_s):
        old = ServoStatus(state=int(CONVERGED), goal_id=self.goal_id - 1)
        assert not over(old), "a status of the goal before"
        for state, error_px in self.answers.pop(0):
            status = ServoStatus(state=int(state), goal_id=self.goal_id, error_px=error_px, message="why")
            if over(status):
                return status
        raise ServoClientError("the awaited status did not come")


def route(pauses=(0.0, 0.0, 0.0)) -> list[View]:
    image = np.zeros((48, 64, 3), np.uint8)
    return [View(image, CAMERA, distance_m=k + 1.0, pause_s=pause) for k, pause in enumerate(pauses)]


def test_the_way_and_back():
    assert legs(3, back=False) == [0, 1, 2]
    assert legs(3, back=True) == [0, 1, 2, 1, 0]
    assert legs(1, back=True) == [0]


def test_waypoints_are_passed_without_a_stop_and_the_last_view_is_reached():
    passing = [(SERVOING, float("nan")), (SERVOING, 50.0), (SERVOING, 19.0)]
    client, said = FakeClient(passing, passing, [*passing, (CONVERGED, 0.1)]), []
    RouteDrive(client, route(), say=said.append).run()
    goals = [("from rest", 1.0), "enable", ("passing", 2.0), ("passing", 3.0)]
    assert client.calls == ["disable", *goals, "disable"]
    assert said == ["view 1 of 3: passed, 19.0 px", "view 2 of 3: passed, 19.0 px", "view 3 of 3: reached, 0.1 px"]


def test_a_view_with_a_pause_is_reached_and_left_from_rest():
    reached, passed = [(SERVOING, 5.0), (CONVERGED, 0.1)], [(SERVOING, 5.0)]
    client = FakeClient(passed, reached, reached)
    RouteDrive(client, route((0.0, 0.01, 0.0)), say=lambda _: None).run()
    assert [call[0] for call in client.calls if isinstance(call, tuple)] == ["from rest", "passing", "from rest"]
    client = FakeClient(reached, reached, reached)
    RouteDrive(client, route(), pause_s=0.01, say=lambda _: None).run()
    assert [call[0] for call in client.calls if isinstance(call, tuple)] == ["from rest"] * 3


@pytest.mark.parametrize("state", [ServoState.NOT_FOLLOWING, ServoState.LOST, ServoState.DISABLED])
def test_trouble_names_the_view_and_stops(state, monkeypatch):
    clock = iter(np.arange(0.0, 100.0, 3.0))
    monkeypatch.setattr("depth_pc_ros.bringup.route_drive.time.monotonic", lambda: next(clock))
    client = FakeClient([(SERVOING, 5.0)], [(SERVOING, 90.0), (state, 90.0), (state, 90.0), (state, 90.0)])
    with pytest.raises(ServoClientError, match=f"^view 2 of 3: {state.name}: why; stopped$"):
        RouteDrive(client, route(), say=lambda _: None).run()
    assert client.calls[-1] == "disable"


def test_a_view_becomes_the_request_with_its_camera():
    depth_m = np.full((48, 64), 0.6, np.float32)
    request = request_of(View(np.zeros((48, 64, 3), np.uint8), CAMERA, depth_m, 0.6), keep_moving=True)
    assert (request.image.width, request.depth.encoding, request.distance, request.keep_moving) == (
        64,
        "32FC1",
        0.6,
        True,
    )
    assert camera_model(request.camera_info) == CAMERA
    assert camera_model(camera_info(CAMERA)) == CAMERA
