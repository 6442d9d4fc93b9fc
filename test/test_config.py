from dataclasses import dataclass

import pytest

from depth_pc_ros.config import Config, ControlConfig, PipelineConfig, same_as
from depth_pc_ros.errors import ConfigError


def test_defaults_are_valid_and_round_trip():
    config = PipelineConfig()
    assert PipelineConfig.from_mapping(config.to_mapping()) == config


def test_yaml_then_overrides(tmp_path):
    path = tmp_path / "servo.yaml"
    path.write_text("gain: 1\ncontroller: ibvs\n")
    config = PipelineConfig.load(path, gain=3)
    assert (config.gain, config.controller) == (3.0, "ibvs")


def test_numbers_in_a_file_may_be_written_as_ros_writes_them(tmp_path):
    path = tmp_path / "servo.yaml"
    path.write_text("max_linear: 1e-1\ngain: 2.5E0\n")
    config = PipelineConfig.load(path)
    assert (config.max_linear, config.gain) == (0.1, 2.5)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"contoller": "pbvs"}, "contoller.*did you mean controller"),
        ({"gain": float("nan")}, "gain: expected a finite number, got nan"),
        ({"gain": 99.0}, r"gain: expected a value in \[0.05, 10.0\], got 99.0"),
        ({"gain": "fast"}, "gain: expected float, got str 'fast'"),
        ({"min_matches": True}, "min_matches: expected int, got bool"),
        ({"terminal": True}, "'terminal' is now called 'freeze_depth'"),
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


@dataclass(frozen=True)
class Borrower(Config):
    gain: float | None = same_as(ControlConfig, "gain", default=None)
    speed: str = same_as(ControlConfig, "speed", extra_choices=("crawl",))
    max_linear: float = same_as(ControlConfig, "max_linear", default=0.5, help="Of the tool, m/s.", low=0.0)


def test_an_option_taken_from_another_configuration():
    assert Borrower().to_mapping() == {"gain": None, "speed": "swift", "max_linear": 0.5}
    assert Borrower(gain=1, speed="crawl", max_linear=0).to_mapping() == {
        "gain": 1.0,
        "speed": "crawl",
        "max_linear": 0,
    }
    theirs, own = ControlConfig.__dataclass_fields__, Borrower.__dataclass_fields__
    assert own["gain"].metadata["help"] == theirs["gain"].metadata["help"]
    assert own["max_linear"].metadata["help"] == "Of the tool, m/s."


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"gain": 11.0}, r"gain: expected a value in \[0.05, 10.0\], got 11.0"),
        ({"gain": "1"}, "gain: expected float, got str '1'"),
        ({"speed": None}, "speed: expected str, got NoneType None"),
        ({"speed": "warp"}, "speed: expected one of paper, limited, swift, crawl, got 'warp'"),
        ({"max_linear": -0.1}, r"max_linear: expected a value in \[0.0, 2.0\], got -0.1"),
    ],
)
def test_what_the_other_configuration_refuses_is_refused_here(values, words):
    with pytest.raises(ConfigError, match=words):
        Borrower.from_mapping(values)
