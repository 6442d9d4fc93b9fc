"""The page of a servo that runs, in a real browser: its picture is live, and stop stops."""

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")
pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'depth_pc_ros[view]'")

from ports import free_port

from depth_pc_interfaces.msg import ServoStatus

pytestmark = [pytest.mark.ros, pytest.mark.slow]

SHOWN = "Number(document.querySelector('[data-picture=live]').dataset.shown)"
HAS_PICTURE = "document.querySelector('[data-picture={}]').classList.contains('has-picture')"


def test_the_picture_is_live_and_stop_stops_by_button_and_by_key(start_servo, window):
    port = free_port()
    servo = start_servo(seed=1, level="L", lockstep=True, depth="camera", view=True, view_port=port)
    window.open(f"http://127.0.0.1:{port}/")
    window.wait_text("state", "NO_GOAL")
    servo.client.look_from_goal()
    window.click("capture")
    window.wait_text("answer", "keypoints")
    servo.client.reset()
    for stop in (lambda: window.click("stop"), lambda: window.press_key(" ")):
        window.click("enable")
        servo.wait(lambda: servo.twists.moving and servo.commands.moving, "motion")
        shown = window.js(SHOWN)
        window.wait(f"{SHOWN} > {shown + 1}")
        stop()
        window.wait_text("answer", "stop: disabled")
        window.wait_text("state", "DISABLED")
        servo.wait_for_stop()
        assert servo.client.status.state == ServoStatus.DISABLED
        servo.client.reset()
    for name in ("live", "goal", "difference", "depth"):
        window.wait(HAS_PICTURE.format(name))
    assert window.problems() == []
