import threading
from concurrent.futures import wait
from dataclasses import replace

import cv2
import numpy as np
import pytest
from waits import WAIT_S

from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.errors import GoalError
from depth_pc_ros.perception.factory import make_detecting_matcher, make_matcher
from depth_pc_ros.perception.matchers import Matcher
from depth_pc_ros.perception.tracking import DETECT_EVERY, TrackingMatcher
from depth_pc_ros.types import Matches


@pytest.fixture
def tracker(plane, intrinsics, T_world_goal):
    """A tracking matcher with the goal set; `detections` counts the images that keypoints were detected in."""
    tracker = TrackingMatcher(make_detecting_matcher(MatcherConfig()))
    tracker.set_goal(plane.view(T_world_goal, intrinsics), intrinsics)
    detect = tracker._matcher.detect
    tracker.detections = 0

    def count(image):
        tracker.detections += 1
        return detect(image)

    tracker._matcher.detect = count
    return tracker


@pytest.fixture
def pose(T_world_goal, move):
    """A camera pose on a path towards the goal: k = 0, 1, ...; 2 deg and 4 mm a step."""
    return lambda k: move(T_world_goal, (0.08 - 0.003 * k, 0.002 * k, 0.06 - 0.002 * k), 70 - 2 * k, 8 - 0.3 * k)


def errors_px(tracker, matches, plane, T_world_goal, T_world_cam, intrinsics):
    truth = plane.true_pixels(tracker.goal_points, T_world_goal, T_world_cam, intrinsics)
    return np.linalg.norm(matches.current_points - truth, axis=1)[matches.matched]


def test_tracked_matches_stay_right_and_subpixel_with_few_detections(tracker, pose, plane, intrinsics, T_world_goal):
    for k in range(30):
        matches = tracker.match(plane.view(pose(k), intrinsics))
        error = errors_px(tracker, matches, plane, T_world_goal, pose(k), intrinsics)
        assert matches.num_matched > 60
        assert np.median(error) < 0.15
        assert np.mean(error < 2.0) > 0.97
        assert (matches.scores[matches.matched] > 0).all()
        assert (matches.scores[~matches.matched] == 0).all()
        assert np.isnan(matches.current_points[~matches.matched]).all()
    assert tracker.detections <= 1 + 30 // DETECT_EVERY + 2


def test_what_an_occluder_hides_is_dropped_and_found_again(tracker, pose, plane, intrinsics, T_world_goal):
    for k in range(4):
        tracker.match(plane.view(pose(k), intrinsics))
    rng = np.random.default_rng(0)
    for k in range(4, 10):
        image = plane.view(pose(k), intrinsics).copy()
        image[:, 200:440] = rng.integers(0, 255, (480, 240, 3), dtype=np.uint8)
        matches = tracker.match(image)
        u = matches.current_points[matches.matched, 0]
        assert np.mean((u > 215) & (u < 425)) < 0.03
        assert np.mean(errors_px(tracker, matches, plane, T_world_goal, pose(k), intrinsics) < 2.0) > 0.95
    for k in range(10, 10 + DETECT_EVERY):
        matches = tracker.match(plane.view(pose(k), intrinsics))
    u = matches.current_points[matches.matched, 0]
    assert np.mean((u > 215) & (u < 425)) > 0.2


def test_a_jump_is_detected_anew(tracker, pose, plane, intrinsics, T_world_goal):
    for k in range(3):
        tracker.match(plane.view(pose(k), intrinsics))
    matches = tracker.match(plane.view(pose(34), intrinsics))
    assert matches.num_matched > 60
    assert np.median(errors_px(tracker, matches, plane, T_world_goal, pose(34), intrinsics)) < 0.15
    assert tracker.detections == 2


def test_a_view_of_something_else_gives_no_matches_and_is_recovered_from(tracker, pose, plane, intrinsics):
    tracker.match(plane.view(pose(0), intrinsics))
    assert tracker.match(np.full((480, 640, 3), 90, np.uint8)).num_matched == 0
    assert tracker.match(plane.view(pose(1), intrinsics)).num_matched > 60


def test_the_past_does_not_matter_once_the_camera_stood_still(tracker, pose, plane, intrinsics):
    still, after = plane.view(pose(5), intrinsics), plane.view(pose(6), intrinsics)
    answers = []
    for past in ([], [plane.view(pose(20), intrinsics)], [plane.view(pose(k), intrinsics) for k in range(5)]):
        tracker.forget()
        for image in past:
            tracker.match(image)
        for _ in range(3):
            tracker.match(still)
        answers.append(tracker.match(after).current_points)
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


def test_a_new_goal_forgets_the_old_matches(tracker, pose, plane, intrinsics):
    tracker.match(plane.view(pose(0), intrinsics))
    count = tracker.set_goal(plane.view(pose(10), intrinsics), intrinsics)
    matches = tracker.match(plane.view(pose(0), intrinsics))
    assert len(matches.matched) == count
    assert tracker.detections == 3


def test_tracking_can_be_switched_off_and_needs_the_alignment():
    assert isinstance(make_matcher(MatcherConfig(wide_baseline="none"))._matcher, TrackingMatcher)
    assert isinstance(make_matcher(MatcherConfig(track=False))._matcher, Matcher)
    assert isinstance(make_matcher(MatcherConfig(refine=False))._matcher, Matcher)


def test_without_a_goal_it_says_so():
    with pytest.raises(GoalError, match="no goal"):
        make_matcher(MatcherConfig()).match(np.zeros((480, 640, 3), np.uint8))


def test_following_nothing_or_what_leaves_the_image_starts_from_a_detection(tracker, pose, plane, intrinsics):
    image = plane.view(pose(30), intrinsics)
    matches = tracker.match(image)
    grey = np.zeros(image.shape[:2], np.uint8)
    tracker.follow(Matches.none(len(tracker.goal_points)), grey)
    assert tracker.match(image).num_matched > 60
    outside = replace(matches, current_points=matches.current_points + 5000)
    tracker.follow(outside, grey, loosely=True)
    assert tracker.match(image).num_matched > 60


@pytest.fixture
def held(tracker):
    """The tracker, with its regular detections in a thread; they wait until `open` is set. begun: the first has."""
    held = TrackingMatcher(tracker._matcher, background=True)
    match = held._matcher.match
    held.open, held.begun = threading.Event(), threading.Event()

    def wait_and_match(image):
        held.begun.set()
        assert held.open.wait(WAIT_S)
        return match(image)

    held._matcher.match = wait_and_match
    yield held
    held.open.set()


def test_no_image_waits_for_a_detection_in_a_thread(held, pose, plane, intrinsics, T_world_goal):
    k = 0
    while not held.begun.is_set():
        few = held.match(plane.view(pose(k), intrinsics))
        k += 1
    assert k >= DETECT_EVERY
    for _ in range(4):
        few = held.match(plane.view(pose(k), intrinsics))  # would wait for ever
        k += 1
    held.open.set()
    held._detection[1].result(WAIT_S)
    more = held.match(plane.view(pose(k), intrinsics))
    assert more.num_matched > few.num_matched
    new = more.matched & ~few.matched
    assert np.count_nonzero(new) > 10
    for matches in (more, replace(more, matched=new)):
        error = errors_px(held, matches, plane, T_world_goal, pose(k), intrinsics)
        assert np.median(error) < 0.15
        assert np.mean(error < 2.0) > 0.95
    assert held._since == 0


@pytest.mark.parametrize("interrupt", [
    lambda held, image, intrinsics: held.set_goal(image, intrinsics),
    lambda held, image, intrinsics: held.forget(),
    lambda held, image, intrinsics: held.match(np.full_like(image, 90)),
])  # fmt: skip
def test_a_detection_in_a_thread_is_of_no_use_after(interrupt, held, pose, plane, intrinsics):
    k = 0
    while not held.begun.is_set():
        held.match(plane.view(pose(k), intrinsics))
        k += 1
    held.open.set()
    interrupt(held, plane.view(pose(k), intrinsics), intrinsics)
    assert held._detection is None
    assert held.match(plane.view(pose(k), intrinsics)).num_matched > 60


def test_an_error_in_the_thread_is_raised_to_who_gives_the_images(held, pose, plane, intrinsics):
    def fail(image):
        held.begun.set()
        raise cv2.error("in the thread")

    held._matcher.match = fail
    with pytest.raises(cv2.error, match="in the thread"):  # noqa: PT012  (the image in which it is noticed varies)
        for k in range(DETECT_EVERY + 2):
            held.match(plane.view(pose(k), intrinsics))
            if held._detection is not None:
                wait([held._detection[1]], WAIT_S)
    assert held.match(plane.view(pose(k), intrinsics)).num_matched > 60


def test_a_detection_that_is_asked_for_is_of_the_next_image(held, pose, plane, intrinsics):
    held.match(plane.view(pose(0), intrinsics))
    held.detect_next()
    assert held.detect(plane.view(pose(1), intrinsics)).features is not None
    assert not held.begun.is_set()
