"""The learned laws with random weights: what must hold for any output of the network."""

import dataclasses

import numpy as np
import pytest
import torch

from depth_pc_ros.config import ControlConfig
from depth_pc_ros.control.depth_pc import DepthPc
from depth_pc_ros.control.depth_pc_geo import DepthPcGeo
from depth_pc_ros.control.match_judge import MatchJudge
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.errors import CheckpointError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.networks.checkpoint import make_policy, save_policy
from depth_pc_ros.networks.encoder import EncoderConfig
from depth_pc_ros.types import Goal, Matches, Observation, ServoState


def saved(folder, name, belief=3.0):
    """A random model, the geometric one with the same belief (log odds) in every match; its name and folder."""
    torch.manual_seed(0)
    net = make_policy(name, EncoderConfig(width=16))
    if name == "depth_pc_geo":
        torch.nn.init.zeros_(net.judge[-1].weight)
        torch.nn.init.constant_(net.judge[-1].bias, belief)
    save_policy(folder, name, net, {})
    return name, str(folder)


@pytest.fixture(scope="module", params=["depth_pc", "depth_pc_geo"])
def model(request, tmp_path_factory):
    return saved(tmp_path_factory.mktemp(request.param), request.param)


def make(model):
    name, folder = model
    return {"depth_pc": DepthPc, "depth_pc_geo": DepthPcGeo}[name](folder)


def observe(T_cam_goal, known=True, n=60, depth=None):
    rng = np.random.default_rng(0)
    goal, depth = rng.uniform(-0.4, 0.4, (n, 2)), rng.uniform(0.6, 0.8, n) if depth is None else depth
    points = se3.transform(T_cam_goal, np.column_stack([goal, np.ones(n)]) * depth[:, None])
    nothing = np.full(n, np.nan)
    return Observation(
        goal, points[:, :2] / points[:, 2:], np.ones(n, bool), depth if known else nothing,
        points[:, 2] if known else nothing, 0.7, 540.0,
    )  # fmt: skip


FAR = se3.exp(np.array([0.05, -0.02, 0.05, 0.1, -0.1, 0.5]))


@pytest.mark.parametrize("known", [True, False])
def test_equal_views_give_equal_twists_after_reset(model, known):
    law = make(model)
    first = law(observe(FAR, known)).twist
    law(observe(np.eye(4), known))
    law.reset()
    np.testing.assert_array_equal(law(observe(FAR, known)).twist, first)
    assert first.shape == (6,)
    assert first.dtype == np.float64


def with_goal_depth(seen, depth_m):
    return dataclasses.replace(seen, goal_depth_m=depth_m)


def test_measured_depth_is_no_more_than_relative_to_the_network(tmp_path):
    law, seen = saved(tmp_path, "depth_pc"), observe(FAR)
    other = with_goal_depth(seen, 3 * seen.goal_depth_m + 1)
    np.testing.assert_allclose(make(law)(seen).twist, make(law)(other).twist, rtol=1e-3, atol=1e-4)


def test_measured_depth_is_the_scale_of_the_geometric_law_whatever_the_distance(tmp_path, centre):
    model = saved(tmp_path, "depth_pc_geo")
    seen = observe(FAR)
    wrong = dataclasses.replace(seen, distance_m=1.4)
    expected = se3.pbvs_twist(FAR, centre(seen))[:3]
    np.testing.assert_allclose(make(model)(wrong).twist[:3], expected, atol=0.01)
    twice = with_goal_depth(seen, 2 * seen.goal_depth_m)
    np.testing.assert_allclose(make(model)(twice).twist[:3], 2 * expected, atol=0.02)


@pytest.mark.parametrize("distance_m", [0.35, 0.7, 1.4])
def test_where_goal_depth_has_holes_what_is_measured_is_the_scale(tmp_path, centre, distance_m):
    model = saved(tmp_path, "depth_pc_geo")
    seen = observe(FAR)
    holes = with_goal_depth(seen, np.where(np.arange(60) % 4, np.nan, seen.goal_depth_m))
    out = make(model)(dataclasses.replace(holes, distance_m=distance_m))
    np.testing.assert_allclose(out.twist[:3], se3.pbvs_twist(FAR, centre(seen))[:3], atol=0.01)


def test_where_only_the_background_is_measured_the_object_keeps_its_depth(tmp_path, centre):
    depth = np.where(np.arange(60) < 45, 0.35, 0.9)  # the object is too near for the camera
    seen = observe(FAR, depth=depth)
    background = with_goal_depth(seen, np.where(np.arange(60) < 45, np.nan, depth))
    out = make(saved(tmp_path, "depth_pc_geo"))(dataclasses.replace(background, distance_m=0.35))
    np.testing.assert_allclose(out.twist[:3], se3.pbvs_twist(FAR, centre(seen))[:3], atol=0.01)


def test_relative_depth_is_the_shape_of_the_goal_beside_a_plane_in_its_distance(tmp_path):
    law, seen = make(saved(tmp_path, "depth_pc_geo")), observe(FAR, known=False)
    relative = np.linspace(2.0, 6.0, 60)
    relative[0] = np.nan
    shaped = dataclasses.replace(seen, goal_relative_depth=relative)
    law(shaped)
    problem = law._problem(shaped)
    np.testing.assert_allclose(1 / problem.rho_prior, 0.7)
    assert problem.shape[0] == 0
    assert (np.diff(problem.shape[1:]) > 0).all()


def test_measured_depth_that_is_wrong_in_half_of_the_image_hardly_rotates_the_camera(tmp_path):
    seen = observe(FAR)
    wrong = with_goal_depth(seen, seen.goal_depth_m * np.where(seen.goal[:, 0] > 0, 1.25, 0.9))
    twist = make(saved(tmp_path, "depth_pc_geo"))(wrong).twist
    np.testing.assert_allclose(twist[3:], se3.log_so3(FAR[:3, :3]), atol=3e-3)


def test_without_measured_goal_depth_lengths_are_those_of_the_distance_and_the_pose_is_given(tmp_path):
    model = saved(tmp_path, "depth_pc_geo")
    seen = observe(FAR)
    assert make(model)(seen).metric
    live = with_goal_depth(seen, np.full(60, np.nan))
    assert make(model)(live).metric
    without = dataclasses.replace(live, current_depth_m=np.full(60, np.nan))
    twice = dataclasses.replace(without, distance_m=1.4)
    laws = [make(model)(each) for each in (without, twice)]
    assert not any(law.metric for law in laws)
    poses = [law.T_cam_goal for law in laws]
    np.testing.assert_allclose(poses[1][:3, 3], 2 * poses[0][:3, 3], atol=0.002)
    assert make(saved(tmp_path / "plain", "depth_pc"))(live).T_cam_goal is None


def test_relative_depth_counts_up_to_scale_and_shift_wherever_it_comes_in(model):
    seen, blind = observe(FAR), observe(FAR, known=False)

    def estimated(scale, shift):
        relative = {"goal_relative_depth": scale * seen.goal_depth_m + shift}
        relative["current_relative_depth"] = seen.current_depth_m + shift
        return dataclasses.replace(blind, **relative)

    law = make(model)
    law(blind)
    with_goal_depth = law(estimated(5, -9)).twist  # the goal's depth comes after the first frame
    one, other = make(model)(estimated(5, -9)).twist, make(model)(estimated(1, 0)).twist
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    assert np.isfinite(with_goal_depth).all()


def test_the_linear_part_grows_with_the_goal_distance(model):
    seen = observe(FAR, known=False)
    twice = dataclasses.replace(seen, distance_m=1.4)
    a, b = make(model)(seen).twist, make(model)(twice).twist
    np.testing.assert_allclose(b, a * [2, 2, 2, 1, 1, 1], rtol=2e-3, atol=1e-5)


def test_the_geometric_law_finds_the_pose(tmp_path):
    model = saved(tmp_path, "depth_pc_geo")
    np.testing.assert_allclose(make(model)(observe(FAR)).twist[3:], se3.log_so3(FAR[:3, :3]), atol=0.01)


def test_points_far_from_the_others_are_not_counted(model):
    seen = observe(se3.exp(np.array([0.001, 0, 0, 0, 0, 0.002])))
    seen.current[:10] += 0.3
    assert not make(model)(seen).inliers[:10].any()
    assert make(model)(seen).inliers[10:].all()


def test_the_likeliest_matches_are_used_where_none_is_accepted(tmp_path):
    out = make(saved(tmp_path, "depth_pc_geo", belief=-3.0))(observe(FAR))
    assert np.count_nonzero(out.inliers) == 18
    np.testing.assert_allclose(out.twist[3:], se3.log_so3(FAR[:3, :3]), atol=0.02)


def test_where_the_last_judgement_leaves_few_matches_the_network_runs_again(tmp_path, centre):
    law = make(saved(tmp_path, "depth_pc_geo"))
    observation = observe(FAR, known=False)
    law(observation)
    law._judge._doubted[:50] = True
    expected = se3.pbvs_twist(FAR, centre(observe(FAR)))
    seen = np.arange(60) < 52  # of these, 2 were accepted
    few = dataclasses.replace(observation, matched=seen, current=np.where(seen[:, None], observation.current, np.nan))
    assert np.count_nonzero(law(few).inliers) > 40
    assert not law._judge._doubted.any()
    assert law(few).twist == pytest.approx(expected, abs=0.1)


def test_the_network_runs_every_few_images_and_whenever_candidates_are_compared(tmp_path, monkeypatch):
    law = make(saved(tmp_path, "depth_pc_geo"))
    runs, compared = [], []
    tracker = law._tracker
    judge, solve = law._judge.judge, tracker._solve

    def counted(observation):
        runs.append(True)
        return judge(observation)

    def searched(problem, view, starts):
        before = tracker._unchecked
        solution = solve(problem, view, starts)
        if tracker._unchecked <= before:
            compared.append(len(starts))
        return solution

    monkeypatch.setattr(law._judge, "judge", counted)
    monkeypatch.setattr(tracker, "_solve", searched)
    for _ in range(31):
        law(observe(FAR, known=False))
    assert 31 / MatchJudge.EVERY <= len(runs) <= 31 / MatchJudge.EVERY + 5
    assert len(compared) >= 3
    assert all(compared)


def test_while_depths_are_frozen_the_network_runs_every_few_images(tmp_path, monkeypatch):
    law, seen = make(saved(tmp_path, "depth_pc_geo")), observe(se3.exp(np.full(6, 0.005)), known=False)
    law(seen)
    tracker = law._tracker
    tracker.freeze._depths = tracker._last[1], np.full(60, 1e6)
    tracker._unchecked = tracker.RECHECK_FRAMES - 1
    runs, judge = [], law._judge.judge
    monkeypatch.setattr(law._judge, "judge", lambda observation: runs.append(True) or judge(observation))
    for _ in range(3 * MatchJudge.EVERY):
        law(seen)
    assert tracker.freeze.frozen
    assert len(runs) == 3


def test_the_servo_runs_it_and_stops_on_nan(model):
    name, folder = model
    intrinsics = Intrinsics(540.0, 540.0, 319.5, 239.5, 640, 480)
    seen = observe(FAR)
    goal_px, current_px = (540 * xy + (319.5, 239.5) for xy in (seen.goal, seen.current))
    matches = Matches(current_px, seen.matched, np.ones(60, np.float32))
    law = {"depth_pc": DepthPc, "depth_pc_geo": DepthPcGeo}[name](folder)
    servo = Servo(ControlConfig(controller=name), law)
    servo.set_goal(Goal.from_images(goal_px, intrinsics, 0.7))
    assert servo.update(matches, 1.0).state is ServoState.SERVOING

    network = law._network if name == "depth_pc" else law._judge._network
    with torch.no_grad():
        for parameter in network.net.parameters():
            parameter.fill_(torch.nan)
    servo.reset()
    result = servo.update(matches, 1.0)
    assert result.state in (ServoState.FAULT, ServoState.LOST)
    assert not result.twist.any()


def test_weights_that_are_not_finite_are_refused(model, tmp_path):
    name, _ = model
    net = make_policy(name, EncoderConfig(width=16))
    with torch.no_grad():
        next(net.parameters()).fill_(torch.inf)
    save_policy(tmp_path, name, net, {})
    with pytest.raises(CheckpointError, match="expected finite weights"):
        Servo(ControlConfig(controller=name, model=str(tmp_path)))


def test_a_model_of_the_other_kind_is_refused(model):
    name, folder = model
    other = "depth_pc" if name == "depth_pc_geo" else "depth_pc_geo"
    with pytest.raises(CheckpointError, match=f"expected '{other}'"):
        Servo(ControlConfig(controller=other, model=folder))
