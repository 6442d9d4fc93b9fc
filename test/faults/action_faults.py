"""Faults at the servo action: sent, canceled, pre-empted, wrong; and the person at the switch."""

from fault_catalogue import fault, some
from fault_world import World
from hypothesis import strategies as st
from message_faults import _GOALS

from depth_pc_interfaces.action import Servo


def _server(world: World):
    """The action server; None while the controller is not configured."""
    configured = world.lifecycle("controller") in ("active", "inactive")
    return world.ros.action_server if configured else None


def _send(world: World, goal: Servo.Goal):
    server = _server(world)
    if server is None:
        return
    handle = server.send_goal(goal)

    def concluded():
        replaced = handle is not server.handles[-1] and not handle.destroyed
        if replaced and handle.is_active and world.lifecycle("controller") == "active":
            world.complain("answer", f"a pre-empted action goal has not ended after 15 s (status {handle.status})")

    world.ros.at(15.0, concluded)


@fault(image=st.booleans(), timeout_s=some(0.0, 0.2, 10.0))
def action_is_sent(world: World, image, timeout_s):
    goal = Servo.Goal(timeout_s=timeout_s)
    if image:
        goal.image, goal.distance = world.goal_request().image, 0.6
    _send(world, goal)


@fault(
    distance=some(float("nan"), float("inf"), -1.0, 0.5),
    timeout_s=some(float("nan"), -1.0, float("inf")),
)
def action_of_strange_numbers(world: World, distance, timeout_s):
    _send(world, Servo.Goal(distance=distance, timeout_s=timeout_s))


@fault(kind=some("black", "short data", "another size", "huge size"), distance=some(0.0, 0.5))
def action_with_a_wrong_image(world: World, kind, distance):
    _send(world, Servo.Goal(image=_GOALS[kind](world.goal_request()).image, distance=distance))


@fault(wait_s=some(0.0, 0.001, 0.1))
def action_is_sent_and_canceled(world: World, wait_s):
    _send(world, Servo.Goal())
    world.run(wait_s)
    action_is_canceled(world)


@fault(newest=st.booleans())
def action_is_canceled(world: World, newest=True):
    """newest: of all action goals; or the oldest, which has ended."""
    server = _server(world)
    if server is not None and server.handles:
        server.cancel(server.handles[-1 if newest else 0])


@fault(count=some(2, 5), wait_s=some(0.0, 0.001, 0.05))
def actions_preempt_each_other(world: World, count, wait_s):
    for _ in range(count):
        goal = Servo.Goal(image=world.goal_request().image)
        _send(world, goal)
        world.run(wait_s)


@fault(on=st.booleans())
def person_switches(world: World, on):
    world.enable(on)


@fault(times=some(2, 3))
def person_plays_with_the_switch(world: World, times):
    for _ in range(times):
        world.enable(False)
        world.enable(True)
