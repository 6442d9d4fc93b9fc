import numpy as np
import pytest

from depth_pc_ros.errors import GoalTextureError, ImageError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Rectifier
from depth_pc_ros.types import ServoState
from depth_pc_ros.webcam.guide import Guide


@pytest.fixture
def intrinsics(intrinsics):
    """A smaller camera: it takes less time."""
    return intrinsics.scaled(320, 240)


@pytest.fixture
def camera(intrinsics):
    return Rectifier(intrinsics.matrix, (), intrinsics.size)


@pytest.fixture
def make(camera, plane, intrinsics, T_world_goal):
    def guide(distance_m=0.6):
        guide = Guide("akaze", "pbvs", camera, distance_m)
        guide.set_goal(plane.view(T_world_goal, intrinsics))
        return guide

    return guide


def seen(guide, plane, intrinsics, T_world_cam, stamp_s=1.0):
    return guide.see(plane.view(T_world_cam, intrinsics), stamp_s)


def test_the_moves_are_the_way_to_the_goal(make, plane, intrinsics, T_world_goal):
    way = np.array([0.06, -0.03, 0.05, 0.02, -0.04, 0.15])
    T_world_cam = T_world_goal @ se3.inverse(se3.from_rt(se3.exp_so3(way[3:]), way[:3]))
    sight = seen(make(), plane, intrinsics, T_world_cam)
    assert sight.result.state is ServoState.SERVOING
    assert sight.result.T_cam_goal == pytest.approx(se3.inverse(T_world_cam) @ T_world_goal, abs=0.01)
    sizes = np.zeros(6)
    sizes[[move.axis for move in sight.moves]] = [move.size for move in sight.moves]
    assert sizes == pytest.approx(way / np.array([0.6] * 3 + [1] * 3), abs=0.02)
    assert sight.moves[0].words.startswith("turn clockwise 9 deg")
    assert sight.instruction.startswith("turn clockwise 9 deg, right")


def test_without_a_distance_lengths_are_shares_of_it(make, plane, intrinsics, T_world_goal, move):
    T_world_cam = move(T_world_goal, (-0.06, 0.0, 0.0))
    sight = seen(make(None), plane, intrinsics, T_world_cam)
    word, amount, unit = sight.moves[0].words.split()
    assert (word, unit) == ("right", "%")
    assert float(amount) == pytest.approx(10, abs=1)


def test_a_camera_that_rests_at_the_goal_has_arrived_and_may_tremble(make, plane, intrinsics, T_world_goal, move):
    guide = make()
    states = [seen(guide, plane, intrinsics, move(T_world_goal, (0.001, 0, 0)), 0.1 * k).result.state for k in range(9)]
    assert states[0] is ServoState.SERVOING
    assert states[-1] is ServoState.CONVERGED
    for k, shift_m in enumerate((0.002, -0.001, 0.001)):
        sight = seen(guide, plane, intrinsics, move(T_world_goal, (shift_m, 0, 0)), 2 + 0.1 * k)
        assert sight.result.converged
        assert (sight.moves, sight.instruction) == ([], "you are there")
    for k in range(2):
        sight = seen(guide, plane, intrinsics, move(T_world_goal, (0.05, 0, 0)), 3 + 0.1 * k)
    assert sight.instruction.startswith("left 5 cm")


def test_what_is_missing_is_said_in_the_words_of_the_servo(camera, make, plane, intrinsics, T_world_goal):
    view = plane.view(T_world_goal, intrinsics)
    sight = Guide("akaze", "pbvs", camera).see(view, 0.0)
    assert (sight.result.state, sight.instruction) == (ServoState.NO_GOAL, "no goal image has been set")
    sight = make().see(np.full_like(view, 90), 0.0)
    assert sight.result.state is ServoState.LOST
    assert sight.moves == []
    assert "at least 8 are needed" in sight.instruction


def test_a_goal_of_another_size_or_without_texture_is_refused_and_the_old_one_stays(
    make, plane, intrinsics, T_world_goal
):
    guide = make()
    view = plane.view(T_world_goal, intrinsics)
    with pytest.raises(ImageError, match=r"^goal image: is 160 x 240, the camera's pictures are 320 x 240: take it"):
        guide.set_goal(view[:, :160])
    with pytest.raises(GoalTextureError):
        guide.set_goal(np.full_like(view, 90))
    np.testing.assert_array_equal(guide.goal_image, view)
    assert guide.see(view, 0.0).result.num_matches > 100


def test_it_works_on_a_rectified_image(plane, intrinsics, T_world_goal, move):
    camera = Rectifier(intrinsics.matrix, (-0.2, 0.05, 0, 0, 0), intrinsics.size, intrinsics.scaled(240, 180))
    guide = Guide("akaze", "pbvs", camera, 0.6)
    guide.set_goal(plane.view(T_world_goal, intrinsics))
    sight = seen(guide, plane, intrinsics, move(T_world_goal, (0.04, 0, 0)))
    assert guide.goal_image.shape == sight.image.shape == (180, 240, 3)
    assert sight.moves[0].words.startswith("left")
