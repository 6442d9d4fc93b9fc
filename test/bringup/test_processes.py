import signal
from pathlib import Path

import pytest
from waits import WAIT_S

from depth_pc_ros.bringup.client import ServoClient
from depth_pc_ros.bringup.node_table import NodeSpec
from depth_pc_ros.bringup.processes import STOP_SIGNALS, NodeDiedError, NodeProcesses, uninterrupted

pytestmark = pytest.mark.ros

NAMESPACE = "/test_processes"


def adapter(**parameters) -> NodeSpec:
    return NodeSpec("adapter", "twist_adapter", parameters, namespace=NAMESPACE)


def mapped(processes, name) -> str:
    """The libraries that a node has loaded."""
    return Path(f"/proc/{processes._processes[name].pid}/maps").read_text()


def test_starts_watches_and_stops(tmp_path):
    active = []
    with NodeProcesses([adapter()], tmp_path) as processes, ServoClient(namespace=NAMESPACE) as client:
        processes.wait_until_active(client, WAIT_S, active.append)
        assert active == ["adapter"]
        processes.check()
        assert processes.stop() == {"adapter": 0}  # in time: it would have been killed otherwise
    assert (tmp_path / "adapter.log").exists()


def test_a_node_that_refuses_to_start_is_named_with_its_reason(tmp_path):
    with (
        pytest.raises(NodeDiedError, match=r"node adapter ended with exit code 1: .*max_linear.*adapter\.log"),
        NodeProcesses([adapter(max_linear=-1.0)], tmp_path) as processes,
        ServoClient(namespace=NAMESPACE) as client,
    ):
        processes.wait_until_active(client, WAIT_S)


def test_a_killed_node_is_named_and_a_hanging_one_is_killed(tmp_path, capfd):
    with NodeProcesses([adapter()], tmp_path) as processes, ServoClient(namespace=NAMESPACE) as client:
        processes.wait_until_active(client, WAIT_S)
        processes.send_signal("adapter", signal.SIGSTOP)
        assert processes.stop() == {"adapter": -signal.SIGKILL}
        assert capfd.readouterr().err == "node adapter did not end and is killed\n"
        with pytest.raises(NodeDiedError, match="node adapter was killed by SIGKILL"):
            processes.check()


def test_a_node_that_still_starts_is_not_waited_for(tmp_path, capfd):
    with NodeProcesses([adapter()], tmp_path) as processes:
        while "_multiarray_umath" not in mapped(processes, "adapter"):  # it has a handler for SIGTERM
            processes.check()
        processes.send_signal("adapter", signal.SIGSTOP)  # as one that loads a library for long
        with pytest.raises(NodeDiedError, match="not active after"), ServoClient(namespace=NAMESPACE) as client:
            processes.wait_until_active(client, 0.0)
        assert processes.stop() == {"adapter": -signal.SIGKILL}
    assert capfd.readouterr().err == ""


def test_a_node_that_never_becomes_active_is_named(tmp_path):
    with (
        pytest.raises(NodeDiedError, match="adapter is not active after"),
        NodeProcesses([adapter(autostart=False)], tmp_path) as processes,
        ServoClient(namespace=NAMESPACE) as client,
    ):
        processes.wait_until_active(client, 3.0)


def test_nodes_that_still_start_end_by_themselves(tmp_path):
    specs = [NodeSpec(name, "twist_adapter", namespace=NAMESPACE) for name in ("first", "second", "third")]
    with NodeProcesses(specs, tmp_path) as processes:
        codes = processes.stop()
    assert set(codes) == {"first", "second", "third"}
    assert set(codes.values()) <= {0, -signal.SIGTERM}  # the latter before Python runs
    for name in codes:
        assert (tmp_path / f"{name}.log").read_text() == ""


def test_a_held_node_joins_ros_only_when_it_is_released(tmp_path):
    with NodeProcesses([adapter()], tmp_path, held=True) as processes, ServoClient(namespace=NAMESPACE) as client:
        while "_rclpy_pybind11" not in mapped(processes, "adapter"):
            processes.check()
        assert not client.is_active("adapter")
        processes.release()
        processes.wait_until_active(client, WAIT_S)


def test_held_nodes_end_by_themselves_also_with_their_parent(tmp_path):
    with NodeProcesses([adapter()], tmp_path, held=True) as processes:
        processes._processes["adapter"].stdin.close()
        assert processes.wait("adapter", WAIT_S) == 0
    with NodeProcesses([adapter()], tmp_path, held=True) as processes:
        assert processes.stop()["adapter"] in (0, -signal.SIGTERM)
    assert (tmp_path / "adapter.log").read_text() == ""


def test_the_servo_is_ready_before_its_late_nodes_are_active(tmp_path):
    late = NodeSpec("late", "twist_adapter", namespace=NAMESPACE, late=True)
    happened = []
    with NodeProcesses([late, adapter()], tmp_path) as processes, ServoClient(namespace=NAMESPACE) as client:
        processes.wait_until_active(client, WAIT_S, happened.append, lambda: happened.append("ready"))
    assert happened == ["adapter", "ready", "late"]


def test_an_interrupt_between_two_starts_leaves_no_process(tmp_path, monkeypatch):
    processes = NodeProcesses([adapter(), adapter()], tmp_path)
    command = NodeSpec.command
    calls = []

    def interrupted(spec):
        calls.append(spec)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return command(spec)

    monkeypatch.setattr(NodeSpec, "command", interrupted)
    with pytest.raises(KeyboardInterrupt), processes:
        pytest.fail("not all were started")
    assert [process.poll() is not None for process in processes._processes.values()] == [True]


def test_signals_wait_where_they_would_leave_a_mess():
    def interrupt(*_):
        raise KeyboardInterrupt

    done = []

    def work():
        with uninterrupted():
            for number in STOP_SIGNALS:
                signal.raise_signal(number)
            done.append("inside")
        done.append("after")

    before = {number: signal.signal(number, interrupt) for number in STOP_SIGNALS}
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
        assert done == ["inside"]
        assert all(signal.getsignal(number) is interrupt for number in STOP_SIGNALS)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
