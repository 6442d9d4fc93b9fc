"""Faults by name: each a function of the world and of arguments that `hypothesis` draws.

`FAULTS[name]` is (function, strategies). A fault that lasts ends by itself, or at `World.heal`.
"""

from collections.abc import Callable

import numpy as np
from fault_world import NODES, GoodTf, World
from geometry_msgs.msg import TransformStamped
from hypothesis import strategies as st
from rclpy.parameter import Parameter

from depth_pc_ros.geometry import se3

FAULTS: dict[str, tuple[Callable, dict[str, st.SearchStrategy]]] = {}

SECONDS = st.sampled_from([0.05, 0.3, 0.8, 2.0])
NODE = st.sampled_from(sorted(NODES))


def fault(**strategies: st.SearchStrategy) -> Callable:
    """Put a function into the catalogue."""

    def add(function):
        FAULTS[function.__name__] = function, strategies
        return function

    return add


def some(*values) -> st.SearchStrategy:
    return st.sampled_from(values)


# Time, nodes, arm


@fault(seconds=some(-30.0, -0.3, -0.05, 0.05, 0.3, 30.0))
def clock_is_set(world: World, seconds):
    world.ros.shift_clock(seconds)


@fault(seconds=SECONDS)
def clock_stops(world: World, seconds):
    world.ros.stop_clock()
    world.hold(seconds, world.ros.start_clock)


@fault(node=NODE, seconds=some(0.1, 0.3, 0.6, 2.0))
def node_stalls(world: World, node, seconds):
    world.ros.stall(world.nodes[node], seconds)


@fault(seconds=some(0.1, 0.3, 0.6, 2.0))
def machine_stalls(world: World, seconds):
    world.stall_machine(seconds)


@fault(node=NODE, seconds=some(0.5, 2.0))
def node_is_killed_and_restarted(world: World, node, seconds):
    world.restart(node, seconds)


@fault(node=NODE, seconds=some(0.5, 2.0))
def node_is_shut_down_and_restarted(world: World, node, seconds):
    world.change_state(node, "shutdown")
    world.ros.at(0.01, lambda: world.restart(node, seconds))


@fault(node=NODE, transition=some("configure", "activate", "deactivate", "cleanup"))
def lifecycle_transition(world: World, node, transition):
    world.change_state(node, transition)


@fault(node=NODE, cleanup=st.booleans())
def node_is_taken_down_and_up(world: World, node, cleanup):
    down, up = ["deactivate", "cleanup"], ["configure", "activate"]
    for transition in down + up if cleanup else [down[0], up[1]]:
        world.change_state(node, transition)


_PARAMETERS = {
    "max_linear": (0.05, 0.25, 0.0, -1.0, float("nan"), 1e9),
    "max_angular": (0.2, 1.0, float("inf")),
    "max_linear_acceleration": (0.3, 1.0, 0.0, float("nan")),
    "max_angular_acceleration": (1.0, 4.0, -4.0),
    "swift_gain": (2.0, 8.0, 1e3),
    "gain": (1.0, 2.5, float("-inf")),
    "rate_hz": (50.0, 100.0),
    "input_timeout_s": (0.5, 5.0),
    "command_timeout_s": (0.25, 5.0),
    "hand_eye": ("parameters", "nonsense"),
    "controller": ("ibvs", "nonsense"),
    "matcher": ("orb",),
    "source": ("none", "estimated"),
    "no_such_parameter": (1.0,),
}


@fault(node=NODE, change=some(*((name, value) for name, values in _PARAMETERS.items() for value in values)))
def parameter_is_set(world: World, node, change):
    name, value = change
    target = world.nodes[node]
    if target.dead or not target.has_parameter(name):
        return

    def act():
        before = target.get_parameter(name).value
        result = target.set_parameters([Parameter(name, value=value)])[0]
        if result.successful and not target._built:  # it would last; what is meant here is the change
            target.set_parameters([Parameter(name, value=before)])

    target.later(act)


@fault(seconds=SECONDS, share=some(0.0, 0.3, 3.0))
def arm_does_not_obey(world: World, seconds, share):
    world.arm_gain = share
    world.hold(seconds, lambda: setattr(world, "arm_gain", 1.0))


@fault(size=some(0.002, 0.02, 0.1), axis=some(0, 1, 2, 3, 4, 5))
def arm_is_bumped(world: World, size, axis):
    world.camera.T = world.camera.T @ se3.exp(size * np.eye(6)[axis])


class _BadTf:
    def __init__(self, kind):
        self._kind = kind

    def lookup(self):
        found = TransformStamped()
        found.transform.rotation.w = 1.0
        if self._kind == "missing":
            raise LookupError("it does not exist")
        if self._kind == "too old":
            raise LookupError("extrapolation into the past")
        if self._kind == "NaN":
            found.transform.translation.x = float("nan")
        elif self._kind == "NaN rotation":
            found.transform.rotation.x = float("nan")
        elif self._kind == "no rotation":
            found.transform.rotation.w = 0.0
        elif self._kind == "far":
            found.transform.translation.x = 1e300
        return found


@fault(kind=some("missing", "too old", "NaN", "NaN rotation", "no rotation", "far"), seconds=SECONDS)
def tf_fails(world: World, kind, seconds):
    world.tf = _BadTf(kind)
    world.hold(seconds, lambda: setattr(world, "tf", GoodTf()))
