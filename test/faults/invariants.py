"""What must hold whatever goes wrong: checked at every publish on the controller's topic and on the driver's."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from fault_world import MOVING, World
from geometry_msgs.msg import TwistStamped

from depth_pc_interfaces.msg import KeypointMatches
from depth_pc_ros.nodes.conversions import stamp_to_seconds, twist_from_msg

LAST_ZERO_S = 0.5  # from the last motion to the zero, as docs/concepts/safety.md promises

INVARIANTS = {
    "finite": "every command is finite",
    "speed": "no command above the speed limit",
    "acceleration": "from command to command, no more than the acceleration limit; a stop excepted",
    "jerk": "from command to command, no more than the jerk limit; a stop excepted",
    "state": "nothing but zero where the status says so",
    "in time": "the motion ends in time after the input became bad",
    "last zero": "the driver is not left with motion as the last command",
    "exception": "no callback raises",
    "goal": "a refused goal leaves the old one",
    "answer": "services answer",
    "recovery": "with good input it works again, or its status says what to do, and that helps",
    "memory": "memory is flat",
}
_WAITS_FOR_A_PERSON = ("INACTIVE", "DISABLED", "NO_GOAL", "FAULT", "FROZEN", "NOT_FOLLOWING", "CONTRADICTED")
PERIOD_S = 0.02  # of the commands
_TOLERANCE = 1.001


@dataclass
class _Commands:
    """The newest commands of a topic: twist (6,), acceleration (6,) of it, when, and after how long."""

    twist: np.ndarray = field(default_factory=lambda: np.zeros(6))
    acceleration: np.ndarray | None = None  # None: not known, after an uneven interval
    time_s: float = -np.inf


@dataclass
class _Limits:
    """(2, 2): speed and acceleration, linear and angular."""

    now: np.ndarray
    before: np.ndarray
    changed_s: float = -np.inf


class Monitor:
    """Watches a world. violations: (invariant, what happened), in order."""

    def __init__(self, world: World):
        self.world = world
        self.violations: list[tuple[str, str]] = []
        self.commands = {name: _Commands() for name in ("controller/twist_cmd", "bridge/command")}
        self._good_s = -np.inf  # when matches came that may be acted on
        self._to_adapter_s = -np.inf  # when the adapter got motion
        self._limits: dict[str, _Limits] = {}
        self._raised = 0
        self._left = False
        self._excused_s = -np.inf  # when nobody could send a zero, or a dead adapter seemed to live
        self._unguarded = False  # both that could have died, after the driver's newest command
        world.ros.published.append(self._see_published)
        world.ros.sent.append(self._see_sent)
        world.ros.every(0.01, self._look)
        world.complain = self.add

    def add(self, invariant: str, what: str) -> None:
        self.violations.append((invariant, f"t = {self.world.ros.steady_s - 1000:.3f} s: {what}"))

    def _see_published(self, topic: str, source: str, msg) -> None:
        name = topic.removeprefix("/depth_pc/")
        if name in self.commands and source in ("controller", "adapter", "dead_man"):
            self._see_command(name, msg)

    def _see_sent(self, topic: str, _source: str, msg) -> None:
        if topic == "/depth_pc/keypoints/matches":
            self._see_matches(msg)
        elif topic == "/depth_pc/controller/twist_cmd" and twist_from_msg(msg.twist).any():
            self._to_adapter_s = self.world.ros.steady_s
        elif topic == "/depth_pc/adapter/status" and self._cannot_act("adapter"):
            self._excused_s = self.world.ros.steady_s  # a late or a forged sign of life

    def _see_matches(self, msg: KeypointMatches) -> None:
        """Whether these matches may be acted on, judged apart from the nodes."""
        stamp_s = stamp_to_seconds(msg.header.stamp)
        age_s = 1e-9 * self.world.ros.clock_ns - stamp_s
        count = len(self.world.camera.points)
        sizes = (len(msg.current_points), len(msg.matched), len(msg.scores)) == (2 * count, count, count)
        if not sizes or sum(msg.matched) < 8 or not -0.11 < age_s < 0.51:
            return
        if np.isfinite(np.reshape(msg.current_points, (-1, 2))[np.array(msg.matched)]).all():
            self._good_s = self.world.ros.steady_s

    # Limits

    def _current_limits(self, name: str, node) -> tuple[np.ndarray, np.ndarray]:
        """Speed and acceleration limit, (2,) linear and angular; the looser ones of now and a moment ago."""
        now_s, config = self.world.ros.steady_s, node.config
        speeds = (
            node._servo.velocity_law if name == "controller/twist_cmd" else config
        )  # the adapter's count there, too
        limits = np.array(
            [
                [speeds.max_linear, speeds.max_angular],
                [config.max_linear_acceleration, config.max_angular_acceleration],
            ]
        )
        known = self._limits.setdefault(name, _Limits(limits, limits))
        if not np.array_equal(limits, known.now):
            self._limits[name] = known = _Limits(limits, known.now, now_s)
        if now_s - known.changed_s < 0.1:
            limits = np.maximum(limits, known.before)
        return limits[0], limits[1]

    def _see_command(self, name: str, msg: TwistStamped) -> None:
        now_s, last, twist = self.world.ros.steady_s, self.commands[name], twist_from_msg(msg.twist)
        if not np.isfinite(twist).all():
            self.add("finite", f"{name}: {twist.tolist()}")
            return
        acceleration = None
        if not twist.any():
            acceleration = np.zeros(6)
        else:
            self._check_state(name, twist)
            acceleration = self._check_limits(name, twist, last)
        last.twist, last.time_s, last.acceleration = twist, now_s, acceleration
        self._unguarded &= name != "bridge/command"

    def _check_limits(self, name: str, twist: np.ndarray, last: _Commands) -> np.ndarray | None:
        """The acceleration (6,); None where the interval was not even."""
        node = self.world.nodes["controller" if name == "controller/twist_cmd" else "adapter"]
        speed_limit, acceleration_limit = self._current_limits(name, node)
        since_s = self.world.ros.steady_s - last.time_s
        if name == "controller/twist_cmd" and since_s > self.world.ARM_TIMEOUT_S:
            last.twist = np.zeros(6)  # the adapter has stopped the arm
        # The controller takes a late timer into account, up to two periods; the adapter no late command.
        most_s = min(since_s, 2 * PERIOD_S if name == "controller/twist_cmd" else PERIOD_S)
        if not last.twist.any():
            most_s = max(most_s, PERIOD_S)  # from rest, whenever the last zero came
        norms, before = (np.linalg.norm(each.reshape(2, 3), axis=1) for each in (twist, last.twist))
        if (norms > _TOLERANCE * np.maximum(speed_limit, before)).any():
            self.add("speed", f"{name}: {norms} m/s, rad/s where {speed_limit} is allowed")
        step = np.linalg.norm((twist - last.twist).reshape(2, 3), axis=1)
        if (step > _TOLERANCE * acceleration_limit * most_s + 1e-9).any():
            self.add(
                "acceleration",
                f"{name}: a step of {step} m/s, rad/s after {since_s:.4f} s, at most {acceleration_limit * most_s} is "
                f"allowed; from {last.twist.round(4).tolist()}",
            )
        if not 0.9 * PERIOD_S < since_s < 1.1 * PERIOD_S:
            return None
        acceleration = (twist - last.twist) / since_s
        # Where the direction changes at full speed, the speed limit goes before that of the jerk.
        if (np.maximum(norms, before) < 0.99 * speed_limit).all():
            self._check_jerk(name, acceleration, last, acceleration_limit / node.config.jerk_time_s * since_s)
        return acceleration

    def _check_jerk(self, name: str, acceleration: np.ndarray, last: _Commands, allowed: np.ndarray) -> None:
        if last.acceleration is None or self.world.ros.steady_s - self._limits[name].changed_s < 0.3:
            return
        change = np.linalg.norm((acceleration - last.acceleration).reshape(2, 3), axis=1)
        if (change > 1.02 * allowed + 1e-6).any():
            self.add("jerk", f"{name}: acceleration changed by {change}, at most {allowed} is allowed")

    # States and times

    def _check_state(self, name: str, twist: np.ndarray) -> None:
        now_s, world = self.world.ros.steady_s, self.world
        timeout_s = world.nodes["adapter"].config.command_timeout_s
        if name == "controller/twist_cmd":
            state = world.nodes["controller"].state()[0]
            if state not in MOVING:
                self.add("state", f"{name}: motion {twist.round(4).tolist()} in state {state.name}")
            # The limit follows the images' period: test/control/test_watchdog.py.
            limit_s = world.nodes["controller"].input_limit_s
            late_s = now_s - self._good_s - limit_s - 2 * PERIOD_S
            if late_s > 0:
                self.add("in time", f"{name}: motion {late_s:.3f} s after it had to end, for want of good matches")
        else:
            late_s = now_s - self._to_adapter_s - timeout_s - 2 * PERIOD_S
            if late_s > 0:
                self.add("in time", f"{name}: motion {late_s:.3f} s after it had to end, for want of commands")

    def _look(self) -> None:
        """Every 10 ms."""
        now_s, driver = self.world.ros.steady_s, self.commands["bridge/command"]
        self._look_at_guards()
        since_s = now_s - max(driver.time_s, self._excused_s)
        left = driver.twist.any() and not self._unguarded and since_s > LAST_ZERO_S
        if left and not self._left:
            self.add(
                "last zero", f"the last command is {driver.twist.round(4).tolist()}, {now_s - driver.time_s:.2f} s ago"
            )
        self._left = left
        for error in self.world.ros.errors[self._raised :]:
            self.add("exception", error)
        self._raised = len(self.world.ros.errors)

    def _look_at_guards(self) -> None:
        """Who ends the motion where commands end: the adapter, or the dead man where that one dies."""
        if self._cannot_act("adapter") and self._cannot_act("dead_man"):
            self._excused_s = self.world.ros.steady_s
        adapter, dead_man = self.world.nodes["adapter"], self.world.nodes["dead_man"]
        # docs/concepts/safety.md: the dead man cannot help where it dies, too.
        self._unguarded |= adapter.dead and (dead_man.dead or not dead_man.active)

    def _cannot_act(self, name: str) -> bool:
        """Whether this node is dead or stalled."""
        node = self.world.nodes[name]
        return node.dead or node.stalled_until_ns > self.world.ros.steady_ns


def recover(world: World, monitor: Monitor, good_s: float = 3.0) -> Counter:
    """End all faults, and do what the status says; the servo must move, or be at the goal. Returns what was done.

    good_s: longest time of good input until it works, or says what to do.
    """
    world.heal()
    while any(node.stalled_until_ns > world.ros.steady_ns for node in world.nodes.values()):
        world.run(0.05)
    done = Counter()
    for _ in range(6):
        if _works(world, good_s):
            break
        what, act = _remedy(world)
        if act is None:
            monitor.add("recovery", f"after {good_s} s of good input: {world.state}: {world.status.message!r}")
            return done
        done[what] += 1
        act()
    else:
        monitor.add("recovery", f"in vain: {dict(done)}; {world.state}: {world.status.message!r}")
    if world.enable() is None:
        monitor.add("answer", "controller/enable does not answer")
    return done


def _works(world: World, within_s: float) -> bool:
    """Whether the servo moves, or is at the goal, for half a second."""
    good_s, step_s = 0.0, 0.1
    for tick in range(round(within_s / step_s)):
        world.run(step_s)
        good_s = good_s + step_s if world.state in ("SERVOING", "LIMITED", "CONVERGED") else 0.0
        if good_s > 0.45:
            return True
        if tick > 3 and world.state in _WAITS_FOR_A_PERSON:
            return False
    return False


def _remedy(world: World):
    """What the person does, as the status says: (name, function); (.., None): it does not say."""
    for name in world.nodes:
        if world.lifecycle(name) != "active":
            return "activate", lambda: world.activate_all()
    state, message = world.state, world.status.message
    if state == "NO_GOAL" or "was refused" in message:
        return "set a goal", world.set_goal
    if state == "DISABLED":
        return "enable", world.enable
    if "disable and enable again" in message:
        return "disable and enable", world.start_again
    if state in ("LOST", "AMBIGUOUS") and np.count_nonzero(world.camera.in_view()) < 12:
        return "move the arm", world.start_again
    return "", None
