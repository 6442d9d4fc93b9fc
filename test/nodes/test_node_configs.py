import pytest

from depth_pc_ros.nodes.node_configs import NODE_CONFIGS, AdapterConfig


@pytest.mark.parametrize("name", NODE_CONFIGS)
def test_the_defaults_are_valid_and_every_parameter_is_explained(name):
    config = NODE_CONFIGS[name]()
    assert NODE_CONFIGS[name].from_mapping(config.to_mapping()) == config
    for field in config.__dataclass_fields__.values():
        assert field.metadata["help"].endswith("."), field.name
        assert len(field.metadata["help"]) > 10, field.name


def test_the_adapter_has_a_driver_for_every_profile():
    pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")
    from depth_pc_ros.nodes.arm_drivers import DRIVERS

    assert AdapterConfig.__dataclass_fields__["profile"].metadata["choices"] == list(DRIVERS)
