"""Regressors as methods: a right answer leads to the goal, whatever the camera; wrong weights are named."""

import numpy as np
import pytest
import torch

from depth_pc_ros.benchmark import flow
from depth_pc_ros.benchmark import method as base
from depth_pc_ros.benchmark.methods import check_methods, make_method
from depth_pc_ros.benchmark.pose_regression import PoseRegressor
from depth_pc_ros.benchmark.settings import DT_S, Settings
from depth_pc_ros.benchmark.task import Frame, Task, View
from depth_pc_ros.errors import CheckpointError
from depth_pc_ros.geometry import se3
from depth_pc_ros.networks.pair_networks import PAIR_NETWORKS, save_pair_network
from depth_pc_ros.sim.workplace import DEFAULT_INTRINSICS
from depth_pc_ros.types import ServoState

DISTANCE_M = 0.6


@pytest.fixture
def weights(tmp_path):
    """Makes a folder of random weights of a network."""

    def make(name):
        torch.manual_seed(0)
        save_pair_network(tmp_path / name, name, PAIR_NETWORKS[name](), {})
        return tmp_path / name

    return make


@pytest.fixture
def task(plane, T_world_goal) -> Task:
    view = View(plane.view(T_world_goal, DEFAULT_INTRINSICS), None)
    return Task(view, DEFAULT_INTRINSICS, DISTANCE_M, (1.0, 2.0), T_world_goal, np.zeros(3))


@pytest.mark.parametrize("name", ["alexnet", "siame_se3"])
def test_a_right_pose_leads_to_the_goal(name, weights, task, move, monkeypatch):
    T = move(task.T_world_goal, (0.1, -0.1, 0.05), roll_deg=30)

    def right(self, image, distance_m):
        assert distance_m == DISTANCE_M
        return se3.inverse(T) @ task.T_world_goal

    monkeypatch.setattr(PoseRegressor, "__call__", right)
    method = make_method(f"{name}@{weights(name)}", Settings())
    assert method.label.startswith(f"{name} (")
    method.start(task, None)
    for step in range(300):
        result = method.step(Frame(task.view, DT_S * (step + 1), T))
        if result.state is ServoState.CONVERGED:
            break
        T = T @ se3.exp(DT_S * result.twist)
    assert result.state is ServoState.CONVERGED
    te_m, re_deg = se3.pose_error(T, task.T_world_goal)
    assert te_m < 0.001
    assert re_deg < 0.1


def test_random_weights_servo_somewhere_and_nothing_breaks(weights, task, move):
    method = make_method(f"alexnet@{weights('alexnet')}", Settings())
    method.start(task, None)
    T = move(task.T_world_goal, (0.05, 0.0, 0.0))
    result = method.step(Frame(task.view, DT_S, T))
    assert np.isfinite(result.twist).all()
    assert result.num_matches > 0


def test_the_answer_is_in_metres_and_the_same_through_another_camera(weights, task, plane, move):
    regressor = PoseRegressor("siame_se3", weights("siame_se3"))
    live = move(task.T_world_goal, (0.05, 0.02, 0.0), roll_deg=5)
    answers = []
    for intrinsics in (DEFAULT_INTRINSICS, DEFAULT_INTRINSICS.scaled(800, 600)):
        regressor.set_goal(plane.view(task.T_world_goal, intrinsics), intrinsics)
        answers.append(regressor(plane.view(live, intrinsics), 1.0))
    np.testing.assert_allclose(answers[0], answers[1], atol=0.02)
    np.testing.assert_allclose(
        regressor(plane.view(live, DEFAULT_INTRINSICS.scaled(800, 600)), 2.0)[:3, 3], 2 * answers[1][:3, 3]
    )


def test_the_compact_flow_is_called_what_it_is_and_scales_its_flow(weights, monkeypatch):
    method = make_method(f"compact_flow@{weights('compact_flow')}", Settings())
    assert method.label.startswith("compact_flow (")
    compact = flow.CompactFlow(weights("compact_flow"))
    width, height = compact._net.size

    def two_px(first, second):
        return torch.full((1, 2, height, width), 2.0), []

    monkeypatch.setattr(compact._net, "forward", two_px)
    found = compact(*np.zeros((2, 480, 640, 3), np.uint8))
    assert found.shape == (480, 640, 2)
    assert found[0, 0].tolist() == pytest.approx([2 * 640 / width, 2 * 480 / height])


@pytest.mark.parametrize("name", ["alexnet", "siame_se3", "compact_flow"])
def test_missing_weights_say_how_they_are_made(name, monkeypatch):
    assert check_methods([f"{name}@folder"]) == [f"{name}@folder"]
    with pytest.raises(CheckpointError, match=rf"methods: {name}: expected a folder .*got 'nowhere'; .*train_pairs"):
        make_method(f"{name}@nowhere", Settings())
    monkeypatch.setattr(base, "local_model", lambda name: None)
    with pytest.raises(CheckpointError, match=rf"found none in models/{name}; .*--network {name}"):
        make_method(name, Settings())


def test_weights_of_another_network_are_refused(weights):
    with pytest.raises(CheckpointError, match="expected the network 'alexnet', got 'siame_se3'"):
        make_method(f"alexnet@{weights('siame_se3')}", Settings())
