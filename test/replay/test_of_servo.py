"""A servo's own recording gives the same commands again; with another law, others, which are shown."""

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'depth_pc_ros[rosbag]'")

from lockstep_bags import DISABLED_FRAMES, ServoBag, lockstep_bag

from depth_pc_ros.cli.replay_setup import ReplayConfig, prepare
from depth_pc_ros.files.bag_file import BagFile
from depth_pc_ros.replay.errors import ReplayError
from depth_pc_ros.replay.recorded import read_recorded
from depth_pc_ros.replay.topics import find_namespace
from depth_pc_ros.replay.verdict import findings, verdict
from depth_pc_ros.types import ServoState

FRAMES = 45


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    return lockstep_bag(tmp_path_factory.mktemp("bags") / "run", FRAMES)


def replayed(path, given=None, **options):
    seen = []
    prepared = prepare(path, ReplayConfig(**options), given or {}, lambda *view: seen.append(view))
    counts = []
    replay = prepared.run(counts.append)
    return replay, prepared, seen, counts


def detail(replay, what):
    return next(finding for finding in findings(replay) if finding.what == what)


def test_the_same_code_gives_the_same_commands(bag):
    replay, prepared, seen, counts = replayed(bag)
    assert len(replay.commands) == FRAMES - DISABLED_FRAMES
    assert replay.differences.max() <= 1e-9
    assert replay.same == len(replay.commands)
    assert replay.other_states == replay.notes == []
    assert counts == list(range(1, FRAMES + 1))
    assert len(seen) == FRAMES
    last = replay.frames[-1]
    assert (last.state, last.recorded_state) == (ServoState.CONVERGED, ServoState.CONVERGED)
    assert [frame.enabled for frame in replay.frames[: DISABLED_FRAMES + 1]] == [False] * DISABLED_FRAMES + [True]
    first = replay.frames[0].T_goal_cam
    truth = prepared.recorded.poses[replay.frames[0].stamp_ns]
    np.testing.assert_allclose(first[:3, 3], truth[:3, 3], atol=2e-3)
    assert detail(replay, "commands").detail == f"all {FRAMES - DISABLED_FRAMES} are the recorded ones"
    assert verdict(findings(replay)) == "verdict: the servo can work with these images"


def test_the_recorded_matches_give_the_same_commands(bag):
    replay, *_ = replayed(bag, use_matches=True)
    assert replay.same == len(replay.commands) == FRAMES - DISABLED_FRAMES


def test_other_settings_are_shown_as_other_commands_and_do_not_add_up(bag):
    replay, *_ = replayed(bag, {"max_linear": "0.1"})
    assert 0 < replay.same < len(replay.commands)
    speeds = np.array([np.linalg.norm(command.twist[:3]) for command in replay.commands])
    recorded = np.array([np.linalg.norm(command.recorded[:3]) for command in replay.commands])
    assert recorded.max() > 0.2
    assert replay.differences[:, 0].max() > 0.05
    assert replay.differences[-8:].max() < 1e-3  # near the goal both do the same: differences do not grow
    assert speeds[recorded < 0.05].max() < 0.06
    assert "are the recorded ones; the others differ by up to" in detail(replay, "commands").detail


def test_what_a_bag_holds_of_a_servo(bag):
    with BagFile(bag) as file:
        recorded = read_recorded(file, find_namespace(file))
    assert recorded.lockstep
    assert [event.value for event in recorded.of_kind("enable")] == [True]
    assert len(recorded.statuses) == FRAMES
    np.testing.assert_allclose(recorded.T_world_goal, np.eye(4))
    assert recorded.config("controller").controller == "pbvs"
    assert recorded.notes == []
    recorded.parameters["controller"]["gain"] = -1.0
    assert recorded.config("controller").gain == 2.5
    assert "parameters of controller in the bag: gain: expected a value in" in recorded.notes[0]


def test_images_that_are_missing_are_counted(tmp_path):
    with ServoBag(tmp_path / "bag") as made:
        goal = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
        made.goal(0.5, goal, np.ones((30, 2)))
        made.info("/depth_pc/bridge/camera_info", 0.9)
        made.image("/depth_pc/bridge/image", 1.0, goal)
        for time_s in (1.0, 1.04):
            made.matches(time_s, _matches(30))
    replay, *_ = replayed(tmp_path / "bag", {"controller": "pbvs"}, relative_depth=False)
    assert len(replay.frames) == 1
    assert "an image that was matched is not in the bag: 1 times, left out" in replay.notes
    assert any("the parameters of controller are not in the bag" in note for note in replay.notes)


def _matches(count):
    from depth_pc_ros.types import Matches

    return Matches.none(count)


def test_two_servos_in_one_bag_have_to_be_told_apart(tmp_path):
    with ServoBag(tmp_path / "bag") as made:
        for made.namespace in ("/left", "/right"):
            made.matches(1.0, _matches(30))
    with BagFile(tmp_path / "bag") as file:
        with pytest.raises(ReplayError, match="the bag has several servos, give one: /left, /right"):
            find_namespace(file)
        assert find_namespace(file, "/left") == "/left"
        with pytest.raises(ReplayError, match="namespace: expected one of /left, /right, got '/none'"):
            find_namespace(file, "/none")
