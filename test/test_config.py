import pytest

from depth_pc_ros.config import ControlConfig, PipelineConfig
from depth_pc_ros.errors import ConfigError


def test_defaults_are_valid_and_round_trip():
    config = PipelineConfig()
    assert PipelineConfig.from_mapping(config.to_mapping()) == config


def test_yaml_then_overrides(tmp_path):
    path = tmp_path / "servo.yaml"
    path.write_text("gain: 1\ncontroller: ibvs\n")
    config = PipelineConfig.load(path, gain=3)
    assert (config.gain, config.controller) == (3.0, "ibvs")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"contoller": "pbvs"}, "contoller.*did you mean controller"),
        ({"gain": float("nan")}, "gain: expected a finite number, got nan"),
        ({"gain": 99.0}, r"gain: expected a value in \[0.05, 10.0\], got 99.0"),
        ({"gain": "fast"}, "gain: expected float, got str 'fast'"),
        ({"min_matches": True}, "min_matches: expected int, got bool"),
        ({"speed": "warp"}, "speed: expected one of paper, limited, swift, got 'warp'"),
    ],
)
def test_bad_values_are_named(values, words):
    with pytest.raises(ConfigError, match=words):
        ControlConfig.from_mapping(values)


def test_bad_files_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"missing\.yaml"):
        PipelineConfig.load(tmp_path / "missing.yaml")
    for text in ("- a\n- b\n", "gain: [1\n"):
        path = tmp_path / "bad.yaml"
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"bad\.yaml"):
            PipelineConfig.load(path)


def test_every_option_explains_itself():
    for field in PipelineConfig.__dataclass_fields__.values():
        assert len(field.metadata["help"]) > 10, field.name
