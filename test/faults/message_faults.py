"""Faults of messages: their content, their stamps, their order, their absence, and who publishes them."""

import copy
from array import array

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from fault_catalogue import SECONDS, fault, some
from fault_world import PointCamera, World
from geometry_msgs.msg import TwistStamped
from hypothesis import strategies as st
from std_msgs.msg import Bool, Header

from depth_pc_interfaces.msg import ServoGoal
from depth_pc_ros.nodes.conversions import depth_to_image, seconds_to_stamp, stamp_to_seconds

NAN, INF = float("nan"), float("inf")
WIDTH, HEIGHT = PointCamera.WIDTH, PointCamera.HEIGHT
STAMPED = (
    "bridge/image", "bridge/camera_info", "bridge/depth_image", "keypoints/matches", "depth/metric_depth",
    "controller/twist_cmd",
)  # fmt: skip
TOPICS = (*STAMPED, "adapter/status", "keypoints/goal")
TOPIC, STAMPED_TOPIC = some(*TOPICS), some(*STAMPED)


def _changed(msg, **fields):
    msg = copy.copy(msg)
    for name, value in fields.items():
        setattr(msg, name, value)
    return msg


# Any topic


@fault(topic=TOPIC, seconds=SECONDS)
def topic_is_silent(world: World, topic, seconds):
    world.tamper(topic, seconds, lambda msg: [])


@fault(topic=TOPIC, seconds=SECONDS, times=some(2, 20))
def messages_are_repeated(world: World, topic, seconds, times):
    world.tamper(topic, seconds, lambda msg: [msg] * times)


@fault(topic=TOPIC, seconds=SECONDS, late_s=some(0.03, 0.1, 0.4, 1.0), every=some(1, 2, 3))
def messages_are_late(world: World, topic, seconds, late_s, every):
    """Every message, which delays; or every second or third one, which changes their order."""
    count = [0]

    def change(msg):
        count[0] += 1
        if count[0] % every:
            return [msg]
        world.ros.at(late_s, lambda: world.ros.send(world.name(topic), msg, "late"))
        return []

    world.tamper(topic, seconds, change)


@fault(
    topic=STAMPED_TOPIC, seconds=SECONDS, kind=some("zero", "the same", "negative", "end of time", "no such nanosecond")
)
def stamps_are_wrong(world: World, topic, seconds, kind):
    same = seconds_to_stamp(1e-9 * world.ros.clock_ns)
    stamp = {
        "zero": Time(),
        "the same": same,
        "negative": Time(sec=-5),
        "end of time": Time(sec=2**31 - 1),
        "no such nanosecond": Time(sec=same.sec, nanosec=2**32 - 1),
    }[kind]

    def change(msg):
        return [_changed(msg, header=Header(stamp=stamp, frame_id=msg.header.frame_id))]

    world.tamper(topic, seconds, change)


@fault(topic=STAMPED_TOPIC, seconds=SECONDS, shift_s=some(-60.0, -0.6, -0.2, -0.04, 0.04, 0.2, 60.0))
def stamps_are_shifted(world: World, topic, seconds, shift_s):
    def change(msg):
        stamp = seconds_to_stamp(stamp_to_seconds(msg.header.stamp) + shift_s)
        return [_changed(msg, header=Header(stamp=stamp, frame_id=msg.header.frame_id))]

    world.tamper(topic, seconds, change)


@fault(topic=some("keypoints/matches", "controller/twist_cmd", "keypoints/goal"), seconds=some(0.2, 0.8, 2.0))
def second_publisher(world: World, topic, seconds):
    publish = world.add_rival(topic, "rival", seconds)
    if topic == "controller/twist_cmd":
        msg = TwistStamped(header=Header(stamp=seconds_to_stamp(1e-9 * world.ros.clock_ns), frame_id="optical"))
        msg.twist.linear.x = 0.005
        publish(msg)


@fault(seconds=some(0.2, 0.8, 2.0))
def second_adapter(world: World, seconds):
    world.add_rival("bridge/command", "adapter", seconds)


# Matches


@fault(value=some(NAN, INF, -INF, 1e300), share=some(0.1, 1.0), seconds=SECONDS)
def matches_not_finite(world: World, value, share, seconds):
    def change(msg):
        points = np.array(msg.current_points)
        points[: int(share * len(points))] = value
        return [_changed(msg, current_points=array("d", points.tobytes()))]

    world.tamper("keypoints/matches", seconds, change)


@fault(
    name=some("current_points", "matched", "scores"), size=some("none", "one less", "one more", "1e5"), seconds=SECONDS
)
def matches_of_wrong_size(world: World, name, size, seconds):
    def change(msg):
        value = getattr(msg, name)
        value = list(value) if name == "matched" else value
        zero = value[:1] if len(value) else value
        wrong = {"none": value[:0], "one less": value[:-1], "one more": value + zero, "1e5": zero * 100_000}[size]
        return [_changed(msg, **{name: wrong})]

    world.tamper("keypoints/matches", seconds, change)


@fault(seconds=some(0.05, 0.3))
def matches_of_many_points(world: World, seconds):
    """All lists of 1e5 points, as if the goal had them."""

    def change(msg):
        many = 100_000
        points = array("d", np.full(2 * many, 100.0).tobytes())
        scores = array("f", np.ones(many, np.float32).tobytes())
        return [_changed(msg, current_points=points, matched=[True] * many, scores=scores)]

    world.tamper("keypoints/matches", seconds, change)


@fault(goal_id=some(0, 1, 2**64 - 1), seconds=SECONDS)
def matches_of_another_goal(world: World, goal_id, seconds):
    world.tamper("keypoints/matches", seconds, lambda msg: [_changed(msg, goal_id=goal_id)])


@fault(visible=some(0, 3, 7, 8, 20), seconds=SECONDS)
def few_matches(world: World, visible, seconds):
    camera = world.camera
    camera.visible = visible
    world.hold(seconds, lambda: setattr(camera, "visible", len(camera.points)))


@fault(
    score=some(NAN, -1.0, 1e30),
    agreement=some(NAN, INF, -1.0, 0.0),
    doubt=some("", "half is elsewhere"),
    seconds=SECONDS,
)
def matches_of_strange_worth(world: World, score, agreement, doubt, seconds):
    def change(msg):
        scores = array("f", np.full(len(msg.scores), score, np.float32).tobytes())
        return [_changed(msg, scores=scores, agreement=agreement, doubt=doubt)]

    world.tamper("keypoints/matches", seconds, change)


@fault(share=some(0.2, 0.5, 1.0), seconds=SECONDS, seed=st.integers(0, 3))
def matches_are_mixed_up(world: World, share, seconds, seed):
    rng = np.random.default_rng(seed)

    def change(msg):
        if len(msg.current_points) != 2 * len(msg.matched):
            return [msg]  # another fault was here before
        points = np.reshape(np.array(msg.current_points), (-1, 2))
        wrong = rng.permutation(len(points))[: int(share * len(points))]
        points[wrong] = rng.permutation(points[wrong])
        ok = np.isfinite(points).all(axis=1) & np.array(msg.matched, bool)
        return [_changed(msg, current_points=array("d", points.tobytes()), matched=ok.tolist())]

    world.tamper("keypoints/matches", seconds, change)


# The camera


def _with_k(msg, **entries):
    k = np.array(msg.k)
    for index, value in entries.items():
        k[int(index[1:])] = value
    return _changed(msg, k=k)


_CAMERAS = {
    "NaN": lambda msg: _with_k(msg, k0=NAN),
    "inf": lambda msg: _with_k(msg, k4=INF),
    "no calibration": lambda msg: _changed(msg, k=np.zeros(9)),
    "negative focal length": lambda msg: _with_k(msg, k0=-PointCamera.FOCAL),
    "tiny focal length": lambda msg: _with_k(msg, k0=1e-300, k4=1e-300),
    "NaN centre": lambda msg: _with_k(msg, k2=NAN),
    "skew": lambda msg: _with_k(msg, k1=5.0),
    "no size": lambda msg: _changed(msg, width=0, height=0),
    "huge size": lambda msg: _changed(msg, width=2**32 - 1, height=2**32 - 1),
    "huge size, distorted": lambda msg: _changed(msg, width=10**6, height=10**6, d=array("d", [0.1] * 5)),
    "another size": lambda msg: _changed(msg, width=2 * WIDTH, height=2 * HEIGHT),
    "another focal length": lambda msg: _with_k(msg, k0=1.1 * PointCamera.FOCAL, k4=1.1 * PointCamera.FOCAL),
    "NaN distortion": lambda msg: _changed(msg, d=array("d", [NAN] * 5)),
    "huge distortion": lambda msg: _changed(msg, d=array("d", [1e30] * 5)),
    "distortion of 3": lambda msg: _changed(msg, d=array("d", [0.1] * 3)),
    "1e5 coefficients": lambda msg: _changed(msg, d=array("d", [0.0] * 100_000)),
    "fisheye": lambda msg: _changed(msg, d=array("d", [0.1] * 4), distortion_model="equidistant"),
    "binning": lambda msg: _changed(msg, binning_x=2),
}


@fault(kind=some(*_CAMERAS), seconds=SECONDS)
def camera_info_wrong(world: World, kind, seconds):
    world.tamper("bridge/camera_info", seconds, lambda msg: [_CAMERAS[kind](msg)])


@fault(kind=some(*_CAMERAS))
def one_camera_info_wrong(world: World, kind):
    world.tamper("bridge/camera_info", world.FRAME_S, lambda msg: [_CAMERAS[kind](msg)])


_IMAGES = {
    "no data": lambda msg: _changed(msg, data=array("B")),
    "short data": lambda msg: _changed(msg, data=msg.data[:-1]),
    "no size": lambda msg: _changed(msg, width=0, height=0),
    "huge size": lambda msg: _changed(msg, width=2**32 - 1, height=2**32 - 1, step=2**32 - 1),
    "another size": lambda msg: _changed(msg, width=WIDTH // 2, height=2 * HEIGHT, step=WIDTH // 2),
    "short step": lambda msg: _changed(msg, step=1),
    "unknown encoding": lambda msg: _changed(msg, encoding="nonsense"),
    "no encoding": lambda msg: _changed(msg, encoding=""),
    "black": lambda msg: _changed(msg, data=array("B", bytes(len(msg.data)))),
    "no frame": lambda msg: _changed(msg, header=Header(stamp=msg.header.stamp)),
}


@fault(kind=some(*_IMAGES), seconds=SECONDS)
def image_wrong(world: World, kind, seconds):
    world.tamper("bridge/image", seconds, lambda msg: [_IMAGES[kind](msg)])


@fault(seconds=SECONDS)
def image_is_frozen(world: World, seconds):
    kept = []

    def change(msg):
        kept.append(msg)
        return [_changed(kept[0], header=msg.header)]

    world.tamper("bridge/image", seconds, change)


def _depth(msg, values):
    return depth_to_image(values, msg.header)


_DEPTHS = {
    **{name: _IMAGES[name] for name in ("no data", "short data", "no size", "huge size", "another size", "short step")},
    "unknown encoding": _IMAGES["unknown encoding"],
    "wrong size": lambda msg: _depth(msg, np.full((HEIGHT // 2, WIDTH // 2), 0.6)),
    "NaN": lambda msg: _depth(msg, np.full((HEIGHT, WIDTH), NAN)),
    "inf": lambda msg: _depth(msg, np.full((HEIGHT, WIDTH), INF)),
    "negative": lambda msg: _depth(msg, np.full((HEIGHT, WIDTH), -0.6)),
    "millimetres": lambda msg: _depth(msg, np.full((HEIGHT, WIDTH), 600.0)),
    "tiny": lambda msg: _depth(msg, np.full((HEIGHT, WIDTH), 1e-30)),
    "huge": lambda msg: _depth(msg, np.full((HEIGHT, WIDTH), 1e30)),
    "constant": lambda msg: _depth(msg, np.full((HEIGHT, WIDTH), 0.8)),
}


@fault(topic=some("bridge/depth_image", "depth/metric_depth"), kind=some(*_DEPTHS), seconds=SECONDS)
def depth_wrong(world: World, topic, kind, seconds):
    world.tamper(topic, seconds, lambda msg: [_DEPTHS[kind](msg)])


@fault(kind=some(*_DEPTHS), topic=some("depth/relative_depth", "depth/goal_relative_depth"))
def relative_depth_wrong(world: World, kind, topic):
    header = Header(stamp=seconds_to_stamp(1e-9 * world.ros.clock_ns), frame_id="optical")
    msg = _DEPTHS[kind](depth_to_image(np.full((HEIGHT, WIDTH), 0.5), header))
    world.ros.publish(world.name(topic), msg, "depth")


# Goals


@fault()
def goal_is_set(world: World):
    world.set_goal()


_GOALS = {
    "no image": lambda request: _changed(request, image=type(request.image)()),
    "black": lambda request: _changed(request, image=_IMAGES["black"](request.image)),
    "short data": lambda request: _changed(request, image=_IMAGES["short data"](request.image)),
    "another size": lambda request: _changed(request, image=_IMAGES["another size"](request.image)),
    "huge size": lambda request: _changed(request, image=_IMAGES["huge size"](request.image)),
    "NaN distance": lambda request: _changed(request, distance=NAN),
    "inf distance": lambda request: _changed(request, distance=INF),
    "negative distance": lambda request: _changed(request, distance=-1.0),
    "depth of another size": lambda request: _changed(request, depth=_DEPTHS["wrong size"](request.image)),
    "depth without data": lambda request: _changed(request, depth=_IMAGES["no data"](request.depth)),
    "NaN camera": lambda request: _changed(request, camera_info=_goal_camera("NaN")),
    "huge camera": lambda request: _changed(request, camera_info=_goal_camera("huge size")),
    "skewed camera": lambda request: _changed(request, camera_info=_goal_camera("skew")),
    "fisheye": lambda request: _changed(request, camera_info=_goal_camera("fisheye")),
    "camera of another size": lambda request: _changed(request, camera_info=_goal_camera("another size")),
    "mask of another size": lambda request: _changed(request, mask=_IMAGES["another size"](request.image)),
    "mask of depth": lambda request: _changed(request, mask=request.depth),
}


def _goal_camera(kind):
    from sensor_msgs.msg import CameraInfo

    focal = PointCamera.FOCAL
    info = CameraInfo(width=WIDTH, height=HEIGHT, distortion_model="plumb_bob")
    info.k = np.array([focal, 0, 0.5 * (WIDTH - 1), 0, focal, 0.5 * (HEIGHT - 1), 0, 0, 1])
    return _CAMERAS[kind](info)


@fault(kind=some(*_GOALS))
def goal_wrong(world: World, kind):
    quiet = not world.troubled and world.lifecycle("controller") == "active"
    before = world.nodes["controller"].goal_id if quiet else None
    answer = world.call("keypoints/set_goal_image", _GOALS[kind](world.goal_request()))
    world.run(0.01)
    if answer is None:
        return
    if answer.success:
        world.complain("goal", f"{kind}: accepted: {answer.message}")
    elif before and quiet and world.nodes["controller"].goal_id != before:
        world.complain("goal", f"{kind}: the old goal is gone: {answer.message}")


@fault()
def goal_is_cleared(world: World):
    world.ros.publish(world.name("keypoints/goal"), ServoGoal(), "keypoints")


_GOAL_MESSAGES = {
    "NaN keypoints": lambda goal: _changed(goal, keypoints=array("d", [NAN] * len(goal.keypoints))),
    "odd keypoints": lambda goal: _changed(goal, keypoints=goal.keypoints[:-1]),
    "no keypoints": lambda goal: _changed(goal, keypoints=array("d")),
    "1e5 keypoints": lambda goal: _changed(goal, keypoints=array("d", [100.0] * 200_000)),
    "keypoints far away": lambda goal: _changed(goal, keypoints=array("d", [1e300] * len(goal.keypoints))),
    "no camera": lambda goal: _changed(goal, camera_info=type(goal.camera_info)()),
    "NaN camera": lambda goal: _changed(goal, camera_info=_goal_camera("NaN")),
    "NaN distance": lambda goal: _changed(goal, distance=NAN),
    "negative distance": lambda goal: _changed(goal, distance=-1.0),
    "depth of another size": lambda goal: _changed(goal, depth=_DEPTHS["wrong size"](goal.image)),
    "depth without data": lambda goal: _changed(goal, depth=_IMAGES["no data"](goal.depth)),
}


@fault(kind=some(*_GOAL_MESSAGES))
def goal_message_wrong(world: World, kind):
    """What comes of the next goal on its way to the controller."""
    world.tamper("keypoints/goal", 0.5, lambda msg: [_GOAL_MESSAGES[kind](msg)] if msg.goal_id else [msg])
    world.set_goal()


# The adapter, and its input


@fault(
    state=some("OK", "LIMITED", "TF_ERROR", "FAULT", "nonsense", ""), message=some("", "because"), values=st.booleans()
)
def adapter_status(world: World, state, message, values):
    """In the adapter's name, whether or not the adapter is well; that it moves the arm is not denied."""
    pairs = [KeyValue(key="moving", value=str(True))]
    pairs += [KeyValue(key="state", value=state)] if values else []
    msg = DiagnosticStatus(message=message, values=pairs)
    world.ros.publish(world.name("adapter/status"), msg, "adapter")


@fault(seconds=SECONDS)
def arm_is_at_a_limit(world: World, seconds):
    world.ros.publish(world.name("bridge/at_limit"), Bool(data=True), "bridge")
    world.hold(seconds, lambda: world.ros.publish(world.name("bridge/at_limit"), Bool(data=False), "bridge"))


@fault(value=some(NAN, INF, 1e300, 10.0), part=some("linear", "angular"), seconds=some(0.02, 0.3))
def twist_wrong(world: World, value, part, seconds):
    def change(msg):
        msg = copy.deepcopy(msg)
        getattr(msg.twist, part).y = value
        return [msg]

    world.tamper("controller/twist_cmd", seconds, change)
