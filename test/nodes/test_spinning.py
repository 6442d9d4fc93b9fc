"""A spinning thread ends before the executor does, at any moment, without a word."""

import sys
import threading

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from waits import WAIT_S

from depth_pc_ros.nodes.spinning import Spinner

STOPS = 150


@pytest.fixture
def node():
    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node("spun", context=context)
    yield node
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def spin(node, on_end=lambda: None) -> Spinner:
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    return Spinner(executor, on_end)


@pytest.fixture
def often():
    """Threads take turns often, so that they meet in unusual places."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("period_s", [0.002, 50.0])  # always at a callback; always waiting
def test_it_stops_at_any_moment(node, often, period_s, capfd):
    for _ in range(30):
        node.create_timer(period_s, lambda: None)
    for k in range(STOPS):
        ended = threading.Event()
        spinner = spin(node, ended.set)
        threading.Event().wait(1e-4 * (k % 50))
        spinner.stop(WAIT_S)
        assert ended.is_set()
        assert not spinner.crashed
    assert capfd.readouterr() == ("", "")


def test_a_failing_callback_ends_it_with_a_traceback(node, capfd):
    ended = threading.Event()
    node.create_timer(0.001, lambda: 1 / 0)
    spinner = spin(node, ended.set)
    assert ended.wait(WAIT_S)
    assert spinner.crashed
    spinner.stop(WAIT_S)
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_callback_that_hangs_is_left_without_a_word(node, capfd):
    begun, free, ended = threading.Event(), threading.Event(), threading.Event()

    def hang():
        begun.set()
        free.wait()

    node.create_timer(0.001, hang)
    spinner = spin(node, ended.set)
    assert begun.wait(WAIT_S)
    spinner.stop(0.01)
    free.set()
    assert ended.wait(WAIT_S)
    assert not spinner.crashed
    assert capfd.readouterr().err == ""


def test_the_end_of_ros_ends_it(node, capfd):
    ended = threading.Event()
    spinner = spin(node, ended.set)
    rclpy.shutdown(context=node.context)
    assert ended.wait(WAIT_S)
    spinner.stop(WAIT_S)
    assert not spinner.crashed
    assert capfd.readouterr().err == ""
