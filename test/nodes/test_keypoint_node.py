import threading
import time

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal
from depth_pc_interfaces.srv import SetGoalFile, SetGoalImage
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.nodes.base import IMAGE_QOS, LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import (
    depth_to_image,
    depth_to_metres,
    goal_from_msg,
    image_to_rgb,
    intrinsics_to_info,
    mask_to_image,
    matches_from_msg,
    rectifier_from_info,
    rgb_to_image,
    seconds_to_stamp,
)
from depth_pc_ros.nodes.keypoint_node import KeypointNode
from depth_pc_ros.perception.wide_stages import NOTHING

pytestmark = pytest.mark.ros


class Chain:
    """The keypoint node and a camera that looks at the textured plane."""

    def __init__(self, runner, plane, intrinsics, T_world_goal, **parameters):
        self.runner, self.plane, self.intrinsics, self.T_world_goal = runner, plane, intrinsics, T_world_goal
        self.node = runner.add(KeypointNode, **parameters)
        self.matches = runner.listen(KeypointMatches, "keypoints/matches", TWIST_QOS)
        self.goals = runner.listen(ServoGoal, "keypoints/goal", LATCHED_QOS)
        self.images = runner.publisher(Image, "image")
        self.infos = runner.publisher(CameraInfo, "camera_info")
        self.depths = runner.publisher(Image, "depth_image")
        runner.wait(lambda: self.node._matches_pub.get_subscription_count() == 1, "the matches' reader")
        self.stamp_s = 100.0

    def view(self, T_world_cam=None, intrinsics=None) -> Image:
        """Next image of the camera."""
        T_world_cam = self.T_world_goal if T_world_cam is None else T_world_cam
        self.stamp_s += 0.04
        header = Header(stamp=seconds_to_stamp(self.stamp_s), frame_id="optical")
        return rgb_to_image(self.plane.view(T_world_cam, intrinsics or self.intrinsics), header)

    def see_camera(self, info=None):
        seen = self.node._camera._key
        self.infos.publish(info or intrinsics_to_info(self.intrinsics, Header()))
        self.runner.wait(lambda: self.node._camera._key != seen, "the camera_info")

    def see(self, image) -> KeypointMatches:
        """Matches of one image."""
        count = len(self.matches)
        self.images.publish(image)
        return self.runner.wait(lambda: len(self.matches) > count and self.matches[-1], "matches")

    def set_goal(self, image, **fields) -> SetGoalImage.Response:
        request = SetGoalImage.Request(image=image, **fields)
        return self.runner.call(SetGoalImage, "keypoints/set_goal_image", request)

    def capture(self) -> Trigger.Response:
        return self.runner.call(Trigger, "keypoints/capture_goal", Trigger.Request())


@pytest.fixture
def chain(runner, plane, intrinsics, T_world_goal):
    return Chain(runner, plane, intrinsics, T_world_goal)


def plane_points(pixels, T_world_cam, camera) -> np.ndarray:
    """World points (N, 3) of the plane z = 0 at pixels (N, 2) of a view."""
    rays = camera.unproject(pixels, np.ones(len(pixels))) @ T_world_cam[:3, :3].T
    return T_world_cam[:3, 3] - rays * (T_world_cam[2, 3] / rays[:, 2:])


def test_matches_say_where_the_goals_points_are_now(chain, intrinsics, T_world_goal, move):
    chain.see_camera()
    answer = chain.set_goal(chain.view(), distance=0.6)
    assert answer.success
    assert answer.num_keypoints > 200

    T_world_cam = move(T_world_goal, [0.05, -0.03, 0.04], roll_deg=8)
    image = chain.view(T_world_cam)
    msg = chain.see(image)
    assert (msg.goal_id, msg.header) == (answer.goal_id, image.header)
    matches, goal = matches_from_msg(msg), goal_from_msg(chain.goals[-1])
    assert chain.goals[-1].goal_id == answer.goal_id
    assert goal.intrinsics == intrinsics
    assert len(matches.matched) == goal.num_keypoints == answer.num_keypoints
    assert matches.num_matched > 100
    goal_px, live_px = goal.keypoints[matches.matched], matches.current_points[matches.matched]
    world = plane_points(goal_px, T_world_goal, intrinsics)
    T_cam_world = se3.inverse(T_world_cam)
    expected = intrinsics.project(se3.transform(T_cam_world, world))
    error_px = np.linalg.norm(live_px - expected, axis=1)
    assert np.median(error_px) < 0.3
    assert np.quantile(error_px, 0.95) < 1.5


def test_without_a_goal_matches_are_empty_and_goal_id_is_0(chain):
    chain.see_camera()
    image = chain.view()
    msg = chain.see(image)
    assert (msg.goal_id, len(msg.current_points), len(msg.matched)) == (0, 0, 0)
    assert msg.header == image.header


def test_the_goal_is_latched_with_all_that_the_controller_needs(chain, runner, intrinsics, plane, T_world_goal):
    chain.see_camera()
    depth_mm = (1000 * plane.depth(T_world_goal, intrinsics)).astype(np.uint16)
    depth = Image(height=480, width=640, encoding="16UC1", step=1280, data=depth_mm.tobytes())
    goal_image = chain.view()
    assert chain.set_goal(goal_image, depth=depth, distance=0.61).success
    latched_goals = runner.listen(ServoGoal, "keypoints/goal", LATCHED_QOS)
    latched_images = runner.listen(Image, "keypoints/goal_image", LATCHED_QOS)
    goal = runner.wait(lambda: latched_goals and latched_images and latched_goals[-1], "the latched goal")
    assert (goal.distance, goal.header.frame_id) == (0.61, "optical")
    assert np.array_equal(image_to_rgb(goal.image), image_to_rgb(goal_image))
    assert np.array_equal(image_to_rgb(latched_images[-1]), image_to_rgb(goal_image))
    assert rectifier_from_info(goal.camera_info).target == intrinsics
    np.testing.assert_allclose(depth_to_metres(goal.depth), depth_mm / 1000, rtol=1e-6)


def test_a_goal_of_another_camera_is_brought_into_the_live_pixels(chain):
    """Same pose, other size and focal length: nothing to do, so goal and live pixels must agree."""
    chain.see_camera()
    other = Intrinsics(420.0, 430.0, 250.0, 195.0, 512, 384)
    answer = chain.set_goal(chain.view(intrinsics=other), camera_info=intrinsics_to_info(other, Header()))
    assert answer.success
    matches = matches_from_msg(chain.see(chain.view()))
    assert matches.num_matched > 100
    shift_px = (matches.current_points - goal_from_msg(chain.goals[-1]).keypoints)[matches.matched]
    assert np.abs(np.median(shift_px, axis=0)).max() < 0.15


def test_wrong_goals_are_refused_by_name_and_the_old_goal_stays(chain):
    good = chain.view()
    assert "no camera_info has arrived" in chain.set_goal(good).message
    chain.see_camera()
    first = chain.set_goal(good).goal_id
    assert first > 0

    grey = rgb_to_image(np.full((480, 640, 3), 127, np.uint8), Header())
    small = chain.view(intrinsics=Intrinsics(270.0, 270.0, 160.0, 120.0, 320, 240))
    odd = chain.view()
    odd.encoding = "bayer_rggb12"
    uncalibrated = CameraInfo(width=640, height=480, k=np.array([0.0, 0, 0, 0, 0, 0, 0, 0, 1]))
    depth = depth_to_image(np.ones((240, 320)), Header())
    for words, image, fields in (
        ("zero size", Image(encoding="rgb8"), {}),
        ("encoding 'bayer_rggb12' is not supported", odd, {}),
        ("finds 0 keypoints, at least 20 are needed", grey, {}),
        ("is 320 x 240, the live camera's images are 640 x 480", small, {}),
        ("K[0] is 0", good, {"camera_info": uncalibrated}),
        ("distance: expected metres > 0", good, {"distance": -0.5}),
        ("distance: expected metres > 0", good, {"distance": float("nan")}),
        ("goal depth: expected the image's size 640 x 480, got 320 x 240", good, {"depth": depth}),
        ("goal depth: encoding 'rgb8' is not metric depth", good, {"depth": good}),
    ):
        answer = chain.set_goal(image, **fields)
        assert words in answer.message
        assert (answer.success, answer.goal_id, answer.num_keypoints) == (False, 0, 0)
    assert [goal.goal_id for goal in chain.goals] == [first]
    assert chain.see(chain.view()).goal_id == first


def test_wrong_images_are_named_and_not_matched(chain, runner):
    def refused(image) -> str:
        chain.node._frames = 0
        chain.images.publish(image)
        runner.wait(lambda: chain.node._frames == 1, "the image")
        time.sleep(0.05)
        return chain.node.diagnose()[1]

    assert "no camera_info has arrived" in refused(chain.view())
    chain.see_camera(CameraInfo(width=640, height=480))
    assert "K[0] is 0" in refused(chain.view())
    chain.see_camera()
    small = chain.view(intrinsics=Intrinsics(270.0, 270.0, 160.0, 120.0, 320, 240))
    assert "expected 640 x 480" in refused(small)
    short = chain.view()
    short.data = short.data[:-1]
    assert "expected step * height" in refused(short)
    assert "zero size" in refused(Image(encoding="rgb8"))
    assert not chain.matches
    chain.see(chain.view())
    assert chain.node.diagnose()[1] == "matching"


def test_the_live_image_becomes_the_goal_with_its_depth(chain, plane, intrinsics, T_world_goal):
    chain.see_camera()
    assert "no image has arrived yet" in chain.capture().message
    image = chain.view()
    chain.see(image)
    assert chain.capture().success
    assert chain.goals[-1].depth.width == 0
    assert np.array_equal(image_to_rgb(chain.goals[-1].image), image_to_rgb(image))

    image = chain.view()
    depth = depth_to_image(plane.depth(T_world_goal, intrinsics), image.header)
    chain.depths.publish(depth)
    chain.see(image)
    chain.runner.wait(lambda: chain.node._depth is not None, "the depth image")
    message = chain.capture().message
    chain.runner.wait(lambda: len(chain.goals) == 2, "the goal")
    assert message.startswith(f"goal {chain.goals[-1].goal_id} set")
    np.testing.assert_array_equal(depth_to_metres(chain.goals[-1].depth), depth_to_metres(depth))

    chain.stamp_s += 1.0  # the depth image is of another time now
    chain.see(chain.view())
    assert chain.capture().success
    chain.runner.wait(lambda: len(chain.goals) == 3, "the goal")
    assert chain.goals[-1].depth.width == 0


def test_another_camera_clears_the_goal(chain):
    chain.see_camera()
    first = chain.set_goal(chain.view()).goal_id
    zoomed = intrinsics_to_info(Intrinsics(600.0, 600.0, 319.5, 239.5, 640, 480), Header())
    chain.see_camera(zoomed)
    chain.runner.wait(lambda: [goal.goal_id for goal in chain.goals] == [first, 0], "the goal to be cleared")
    assert chain.see(chain.view()).goal_id == 0
    assert chain.set_goal(chain.view()).goal_id > first


def test_the_newest_frame_wins(chain):
    chain.see_camera()
    assert chain.set_goal(chain.view()).success
    images = [chain.view() for _ in range(30)]
    for image in images:
        chain.images.publish(image)
    last = images[-1].header
    chain.runner.wait(lambda: chain.matches and chain.matches[-1].header == last, "the last image")
    assert len(chain.matches) <= 10


def test_the_debug_image_is_drawn_only_for_a_reader(chain, runner, monkeypatch):
    import depth_pc_ros.nodes.keypoint_node as module

    drawn = []
    draw = module.draw_matches
    monkeypatch.setattr(module, "draw_matches", lambda *args: drawn.append(1) or draw(*args))
    chain.see_camera()
    chain.set_goal(chain.view())
    chain.see(chain.view())
    assert not drawn
    pictures = runner.listen(Image, "keypoints/debug_image", IMAGE_QOS)
    runner.wait(lambda: chain.node._debug_pub.get_subscription_count() == 1, "the picture's reader")
    image = chain.view()
    chain.see(image)
    picture = runner.wait(lambda: pictures and pictures[-1], "the picture")
    assert (picture.width, picture.height, picture.header) == (1280, 480, image.header)
    assert len(drawn) == 1


def test_a_mask_leaves_out_places_of_the_goal_and_one_of_another_size_is_refused(chain, move, T_world_goal):
    chain.see_camera()
    mask = np.ones((480, 640), bool)
    mask[240:] = False
    answer = chain.set_goal(chain.view(), mask=mask_to_image(mask, Header()))
    assert answer.success
    assert (goal_from_msg(chain.goals[-1]).keypoints[:, 1] < 240.5).all()
    matches = matches_from_msg(chain.see(chain.view(move(T_world_goal, [0.02, 0.05, 0.0]))))
    assert matches.num_matched > 30
    assert (matches.current_points[matches.matched, 1] < 240.5).all()

    refused = chain.set_goal(chain.view(), mask=mask_to_image(mask[:100], Header()))
    assert not refused.success
    assert "goal mask: expected the image's size 640 x 480, got 640 x 100" in refused.message
    assert chain.see(chain.view()).goal_id == answer.goal_id


def test_the_mask_of_the_options_is_rectified_as_the_images_are(runner, tmp_path, plane, intrinsics, T_world_goal):
    mask = np.zeros((480, 640), np.uint8)
    mask[:, 320:] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    chain = Chain(runner, plane, intrinsics, T_world_goal, mask=str(tmp_path / "mask.png"))
    info = intrinsics_to_info(intrinsics, Header())
    info.d = [-0.3, 0.1, 0.0, 0.0, 0.0]
    chain.see_camera(info)
    assert chain.set_goal(chain.view()).success
    keypoints = goal_from_msg(chain.goals[-1]).keypoints
    assert (keypoints[:, 0] > 318.5).all()


# Large images

LARGE = Intrinsics(1080.0, 1080.0, 639.5, 479.5, 1280, 960)


@pytest.mark.parametrize("option", ["", "roi", "mask"])
def test_a_large_camera_is_worked_on_in_the_working_resolution(runner, tmp_path, plane, T_world_goal, move, option):
    """Goal, mask, region and depth are given at the camera's size; matches, goal and depth are of the smaller one."""
    upper = np.zeros((960, 1280), np.uint8)
    upper[:480] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), upper)
    options = {"roi": {"roi": "0 0 1280 480"}, "mask": {"mask": str(tmp_path / "mask.png")}}.get(option, {})
    chain = Chain(runner, plane, LARGE, T_world_goal, max_width=640, **options)
    chain.see_camera()
    mask = mask_to_image(upper, Header()) if not option else Image()
    depth = depth_to_image(plane.depth(T_world_goal, LARGE), Header())
    answer = chain.set_goal(chain.view(), depth=depth, mask=mask)
    assert answer.success, answer.message
    goal, small = goal_from_msg(chain.goals[-1]), LARGE.within(640)
    assert goal.intrinsics == small
    assert small.size == (chain.goals[-1].image.width, chain.goals[-1].image.height) == (640, 480)
    assert goal.keypoints[:, 1].max() < 240.5
    true_depth = plane.depth(T_world_goal, small)
    u, v = np.rint(goal.keypoints).astype(int).T
    np.testing.assert_allclose(goal.metric_depth_m, true_depth[v, u], rtol=0.01)

    T_world_cam = move(T_world_goal, [0.02, 0.02, 0.0])
    matches = matches_from_msg(chain.see(chain.view(T_world_cam)))
    assert matches.num_matched > 50
    world = plane_points(goal.keypoints[matches.matched], T_world_goal, small)
    expected = small.project(se3.transform(se3.inverse(T_world_cam), world))
    error_px = np.linalg.norm(matches.current_points[matches.matched] - expected, axis=1)
    assert np.median(error_px) < 0.3


def test_what_has_another_size_than_the_large_stream_is_named(runner, tmp_path, plane, T_world_goal):
    cv2.imwrite(str(tmp_path / "mask.png"), np.full((480, 640), 255, np.uint8))
    chain = Chain(runner, plane, LARGE, T_world_goal, max_width=640, mask=str(tmp_path / "mask.png"))
    chain.see_camera()
    refused = chain.set_goal(chain.view()).message
    assert refused == "mask (option): expected the image's size 1280 x 960, got 640 x 480"
    chain.see(chain.view())
    assert chain.node.problem == refused  # said before a goal is given, too
    refused = chain.set_goal(chain.view(intrinsics=LARGE.within(640))).message
    assert "is 640 x 480, the live camera's images are 1280 x 960" in refused


def test_a_region_outside_of_the_large_stream_is_named(runner, plane, T_world_goal):
    chain = Chain(runner, plane, LARGE, T_world_goal, max_width=640, roi="1000 0 281 100")
    chain.see_camera()
    refused = chain.set_goal(chain.view()).message
    assert refused == "roi: expected a region of the 1280 x 960 image, got '1000 0 281 100'"


# What the controller hears of a problem


def test_the_status_names_what_is_wrong_with_the_camera(chain, runner, intrinsics):
    statuses = runner.listen(DiagnosticStatus, "keypoints/status", LATCHED_QOS)

    def wait_for(words, level=DiagnosticStatus.WARN):
        runner.wait(lambda: statuses and words in statuses[-1].message and statuses[-1].level == level, words or "OK")

    wait_for(f"{runner.namespace}/image")  # "waiting for" it, or later that it sends nothing
    chain.images.publish(chain.view())
    wait_for("no camera_info has arrived: ")
    chain.see_camera()
    chain.see(chain.view())
    wait_for("", DiagnosticStatus.OK)
    assert chain.set_goal(chain.view()).success
    chain.images.publish(chain.view(intrinsics=intrinsics.scaled(320, 240)))
    wait_for("image: expected 640 x 480 as in its camera_info, got 320 x 240")
    chain.see(chain.view())
    wait_for("", DiagnosticStatus.OK)
    chain.see_camera(intrinsics_to_info(intrinsics.scaled(320, 240), Header()))  # the driver changes its resolution
    wait_for("the goal was cleared, set it again: the live camera is not the goal's any more (camera_info changed)")
    image = chain.view()
    image.encoding = "h264"
    chain.images.publish(image)
    wait_for("image: encoding 'h264' is not supported")


# Messages that nobody should send


@pytest.fixture
def quiet(runner, plane, intrinsics, T_world_goal):
    """The node without an executor: the test calls its callbacks. It sees the goal, and has set it."""
    node = runner.make(KeypointNode)
    node.start()
    sent = []
    node._matches_pub.publish = sent.append
    cleared = []
    node._goal_pub.publish = cleared.append
    view = rgb_to_image(plane.view(T_world_goal, intrinsics), Header(stamp=seconds_to_stamp(1.0)))
    node._on_camera_info(intrinsics_to_info(intrinsics, Header()))
    assert node._on_set_goal_image(SetGoalImage.Request(image=view), SetGoalImage.Response()).success
    yield node, view, sent, cleared
    node.destroy_node()


WRONG_INFOS = {
    "K: expected finite numbers": {"k": np.full(9, np.nan)},
    "D: expected finite numbers": {"d": [float("nan")] * 5},
    "K[0] is 0": {"k": np.zeros(9)},
    "got 12000 x 12000": {"width": 12000, "height": 12000, "d": [-0.2, 0.05, 0.0, 0.0, 0.0]},
    "got 4294967295 x 480": {"width": 2**32 - 1, "d": [-0.2, 0.05, 0.0, 0.0, 0.0]},
    "'thin_prism' is not supported": {"d": [0.1, 0.0, 0.0, 0.0], "distortion_model": "thin_prism"},
    "zero size": {"width": 0},
}


@pytest.mark.parametrize("words", WRONG_INFOS)
def test_a_wrong_camera_info_pauses_and_the_goal_stays(quiet, intrinsics, words):
    node, view, sent, published = quiet
    goal_id = node._goal_id
    wrong = intrinsics_to_info(intrinsics, Header())
    for name, value in WRONG_INFOS[words].items():
        setattr(wrong, name, value)
    for _ in range(3):
        node._on_camera_info(wrong)
        node._on_image(view)
    assert not sent
    assert words in node.diagnose()[1]
    assert (node._goal_id, len(published)) == (goal_id, 1)
    answer = node._on_set_goal_image(SetGoalImage.Request(image=view), SetGoalImage.Response())
    assert not answer.success
    assert words in answer.message

    node._on_camera_info(intrinsics_to_info(intrinsics, Header()))
    node._on_image(view)
    assert sent[-1].goal_id == goal_id
    assert sum(sent[-1].matched) > 100
    assert node.diagnose()[1] == "matching"


def test_only_another_usable_camera_clears_the_goal(quiet):
    node, view, sent, published = quiet
    node._on_camera_info(CameraInfo())
    other = Intrinsics(530.0, 540.0, 319.5, 239.5, 640, 480)
    node._on_camera_info(intrinsics_to_info(other, Header()))
    assert published[-1].goal_id == 0
    node._on_image(view)
    assert (sent[-1].goal_id, len(sent[-1].matched)) == (0, 0)


def test_other_distortion_clears_the_goal_and_another_name_of_none_does_not(quiet, intrinsics):
    node, view, sent, published = quiet
    same = intrinsics_to_info(intrinsics, Header())
    same.distortion_model, same.d = "none", []
    node._on_camera_info(same)
    node._on_image(view)
    assert (len(published), sent[-1].goal_id) == (1, node._goal_id)
    bent = intrinsics_to_info(intrinsics, Header())
    bent.d = [-0.1, 0.0, 0.0, 0.0, 0.0]
    node._on_camera_info(bent)
    assert published[-1].goal_id == 0


@pytest.mark.parametrize(("d", "warned"), [([-0.1, 0.0, 0.0, 0.0, 0.0], True), ([0.0] * 5, False)])
def test_a_topic_that_sounds_rectified_beside_a_distortion_is_told(quiet, intrinsics, monkeypatch, d, warned):
    node, *_ = quiet
    told = []
    monkeypatch.setattr(node.get_logger(), "warning", lambda text, **_: told.append(text))
    node._images.topic = "/camera/color/image_rect"
    info = intrinsics_to_info(intrinsics.scaled(320, 240), Header())
    info.d = d
    node._on_camera_info(info)
    assert any("give rectified:=true" in text for text in told) == warned


def test_wrong_requests_leave_the_goal_and_the_node(quiet, intrinsics):
    node, view, sent, published = quiet
    goal_id = node._goal_id
    absurd = Image(width=12000, height=12000, encoding="rgb8", step=36000)
    for words, request in (
        ("goal image: expected at most 8192 px", SetGoalImage.Request(image=absurd)),
        ("goal depth: expected the image's size", SetGoalImage.Request(image=view, depth=absurd)),
        ("goal mask: expected the image's size", SetGoalImage.Request(image=view, mask=absurd)),
        ("distance: expected metres > 0", SetGoalImage.Request(image=view, distance=1e300)),
        ("camera_info: width and height", SetGoalImage.Request(image=view, camera_info=CameraInfo(k=np.ones(9)))),
        ("expected 320 x 240", SetGoalImage.Request(
            image=view, camera_info=intrinsics_to_info(Intrinsics(270.0, 270.0, 160.0, 120.0, 320, 240), Header())
        )),
        ("goal image: step is", SetGoalImage.Request(image=Image(width=640, height=480, encoding="rgb8"))),
    ):  # fmt: skip
        answer = node._on_set_goal_image(request, SetGoalImage.Response())
        assert not answer.success
        assert words in answer.message
    assert (node._goal_id, len(published)) == (goal_id, 1)
    node._on_image(view)
    assert sent[-1].goal_id == goal_id


def test_an_image_file_becomes_the_goal(quiet, plane, intrinsics, T_world_goal, tmp_path):
    node, _, _, published = quiet
    path, mask = tmp_path / "goal.png", tmp_path / "mask.png"
    cv2.imwrite(str(path), plane.view(T_world_goal, intrinsics)[..., ::-1])
    left = np.zeros((480, 640), np.uint8)
    left[:, 320:] = 255
    cv2.imwrite(str(mask), left)
    answers = [
        node._on_set_goal_file(SetGoalFile.Request(path=str(path), distance_m=0.6, **more), SetGoalFile.Response())
        for more in ({}, {"mask": str(mask)})
    ]
    assert [answer.success for answer in answers] == [True, True]
    assert published[-1].goal_id == node._goal_id == answers[1].goal_id
    assert (published[-1].distance, published[-1].keep_moving) == (0.6, False)
    assert 0 < answers[1].num_keypoints < answers[0].num_keypoints
    assert answers[1].message == f"goal {node._goal_id} set: {answers[1].num_keypoints} keypoints"


def test_files_that_are_no_goal_are_one_line_and_the_old_goal_stays(quiet, tmp_path):
    node, _, _, published = quiet
    goal_id = node._goal_id
    (tmp_path / "text.png").write_text("no image")
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((48, 64, 3), np.uint8))
    for words, fields in (
        ("path: expected a file on the keypoint node's machine, /... or ~/..., got 'goal.png'", {"path": "goal.png"}),
        ("path: expected a file on the keypoint node's machine, /... or ~/..., got ''", {}),
        ("path: expected at most 1024 characters, got 1025", {"path": "/" * 1025}),
        (f"path: cannot read {tmp_path}/none.png: no such file", {"path": f"{tmp_path}/none.png"}),
        (f"path: cannot read {tmp_path}: expected a file, got a folder", {"path": str(tmp_path)}),
        ("text.png: not an image", {"path": f"{tmp_path}/text.png"}),
        ("goal image: is 64 x 48, the live camera's images are 640 x 480", {"path": f"{tmp_path}/small.png"}),
        ("mask: cannot read /none.png: no such file", {"path": f"{tmp_path}/small.png", "mask": "/none.png"}),
    ):  # fmt: skip
        answer = node._on_set_goal_file(SetGoalFile.Request(**fields), SetGoalFile.Response())
        assert not answer.success
        assert words in answer.message
        assert "\n" not in answer.message
    assert (node._goal_id, len(published)) == (goal_id, 1)


def test_an_error_of_opencv_is_named_and_the_node_goes_on(quiet, monkeypatch):
    node, view, sent, _ = quiet
    monkeypatch.setattr(node._matcher, "match", lambda image: cv2.resize(image, (0, 0)))
    node._on_image(view)
    assert node.diagnose()[1].startswith("image: error: ")
    monkeypatch.undo()
    node._on_image(view)
    assert len(sent) == 1


def test_a_goal_needs_an_active_node(quiet):
    node, view, _, _ = quiet
    node.trigger_deactivate()
    answer = node._on_set_goal_image(SetGoalImage.Request(image=view), SetGoalImage.Response())
    assert answer.message == "the keypoint node is not active"
    node._on_camera_info(CameraInfo())  # what comes meanwhile loses nothing
    node.trigger_activate()
    assert node._goal_id


def test_images_pass_while_it_searches_across_a_wide_baseline(chain, runner, plane, intrinsics):
    """The controller gets matches of each image, none as long as a search goes on, and the node says why."""
    released = threading.Event()

    class Slow:
        name, slow, lock = "slow keypoints", True, threading.Lock()

        def match(self, *_):
            assert released.wait(60)
            return NOTHING

    chain.see_camera()
    assert chain.set_goal(chain.view()).success
    wide = chain.node._matcher._matcher
    wide._stages = [Slow()]
    eye = 0.6 * np.array([np.sin(1.4), 0, np.cos(1.4)])
    aside = se3.look_at(eye, np.zeros(3), np.array([0.0, 1.0, 0.0]))
    for _ in range(3):
        msg = chain.see(chain.view(aside))
        assert not any(msg.matched)
        assert "AKAZE match too little: searching with slow keypoints" in msg.doubt
    assert chain.node._doubt == msg.doubt  # it is in the log, and in the diagnostics
    released.set()
    assert wide._search.done.wait(60)
    assert "no match with AKAZE, slow keypoints" in chain.see(chain.view(aside)).doubt
    assert sum(chain.see(chain.view()).matched) > 100
