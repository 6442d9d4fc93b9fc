"""The process of one node: it runs until a signal comes, and ends without a wait and without a motion left over."""

import os
import signal
import sys

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.signals import SignalHandlerOptions

from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.nodes.spinning import Spinner
from depth_pc_ros.nodes.starting import wait_for_release
from depth_pc_ros.nodes.transport import use_large_shared_memory

_LEAVE_WITHIN_S = 1.0  # how long a node that starts may take to leave ROS
_CALLBACK_WITHIN_S = 1.0  # how long the end of a node waits for the callback that runs


def run(node_class) -> int:
    """Run one `ServoNode` until SIGINT, SIGTERM or SIGHUP, then end the process.

    It may be held first (`wait_for_release`). While the node starts, and nothing moves yet, a signal ends the process
    at once, with 0. Later, the node spins in a thread; on a signal it first stops spinning, then `shutdown_safely`
    publishes the last zeros, and only then ROS shuts down: 0. A crashed callback ends it in the same way, with 1. A
    wrong configuration prints one line; the exit code 1 is returned.
    """
    # A pipe wakes this thread up, whichever thread a signal reaches and however many signals come.
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    node = None
    loading = False  # the node is there, and not active yet
    signalled = False

    def on_signal(*_):
        nonlocal signalled
        signalled = True
        if loading and not node.active:
            end_now()

    def end_now():
        # An exception would not do: what is being imported may swallow it.
        signal.setitimer(signal.ITIMER_REAL, _LEAVE_WITHIN_S)  # SIGALRM ends it where ROS hangs
        try:
            node.destroy_node()
            rclpy.try_shutdown()
        finally:
            os._exit(0)

    use_large_shared_memory()
    wait_for_release()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # ignored: started by `nohup`
            signal.signal(number, on_signal)
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        node = node_class()
        loading = True
        if signalled:
            end_now()
        node.start()
        loading = False
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        spinner = Spinner(executor, on_end=lambda: os.write(wake, b"\0"))
        os.read(woken, 1)
        spinner.stop(_CALLBACK_WITHIN_S)
        node.shutdown_safely()
    except (DepthPcError, rclpy_implementation.RCLError) as error:
        print(f"{node_class.__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        loading = False
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    # Python's own end takes a second where torch is loaded, and may crash under a callback that still runs.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(spinner.crashed))
