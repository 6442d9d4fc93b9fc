"""Images reach another process, whole and soon."""

import numpy as np
import pytest

from depth_pc_ros.nodes import transport
from depth_pc_ros.nodes.transport_probe import MessageStages, measure_transport
from depth_pc_ros.types import ServoState, StepResult


@pytest.mark.ros
def test_images_between_processes_arrive():
    with MessageStages():
        delays_ms = measure_transport(30, rate_hz=10.0)  # with time between them, also for a busy machine
    assert len(delays_ms) >= 27  # with Fast DDS's own settings it is about a quarter
    assert min(delays_ms) > 0


def test_decode_gives_the_encoded_image_and_publish_takes_a_result():
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    with MessageStages() as stages:
        np.testing.assert_array_equal(stages.decode(stages.encode(image, 1.5)), image)
        result = StepResult(np.arange(6.0), ServoState.SERVOING, num_matches=3)
        stages.publish(5, result, 1.5)


def test_settings_are_those_of_the_package_unless_the_user_has_own(monkeypatch):
    for name in transport._VARIABLES:
        monkeypatch.setenv(name, "")
    transport.use_large_shared_memory()
    path = transport.os.environ[transport._VARIABLES[0]]
    assert path.endswith("config/fastdds.xml")
    monkeypatch.setenv(transport._VARIABLES[0], "mine.xml")
    transport.use_large_shared_memory()
    assert transport.os.environ[transport._VARIABLES[0]] == "mine.xml"
