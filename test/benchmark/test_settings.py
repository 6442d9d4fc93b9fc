"""Settings name what they change, and refuse what makes no sense."""

import pytest

from depth_pc_ros.benchmark.settings import E_IMAGE, Disturbance, Settings
from depth_pc_ros.errors import ConfigError


def test_variant_names_only_what_differs_from_a_clean_run():
    assert Settings(split="test", seed=4, speed="limited").variant == "clean"
    settings = Settings(light=True, occlude=0.3, delay_ms=80, base="high", distance_prior=0.5, depth="camera")
    assert Settings(matcher="orb", track=False).variant == "matcher orb, no track"
    assert settings.variant == "depth camera, base high, light, occlude 0.3, delay_ms 80, distance_prior 0.5"


def test_what_is_left_out_is_named_too():
    assert (
        Settings(track=False, find_scale=False, distance_prior=0).variant
        == "no track, no find_scale, no distance_prior"
    )


def test_every_disturbance_has_a_name_in_the_variant():
    for name, field in Disturbance.__dataclass_fields__.items():
        value = True if field.default is False else field.default + 0.5
        assert Settings(**{name: value}).variant.startswith(name)


def test_digest_changes_with_every_setting():
    settings = (Settings(), Settings(seed=1), Settings(light=True), Settings(speed="limited"), Settings(source="x"))
    assert len({each.digest for each in settings}) == len(settings)
    assert Settings().digest == Settings(seed=0).digest


@pytest.mark.parametrize(
    "values", [{"occlude": 0.9}, {"mismatch": -0.1}, {"split": "train"}, {"depth": "lidar"}, {"max_steps": 0}]
)
def test_values_out_of_range_are_refused(values):
    with pytest.raises(ConfigError, match=next(iter(values))):
        Settings(**values)


def test_photographs_have_one_level():
    assert Settings(environment=E_IMAGE).levels == ("P",)
    assert Settings().levels == ("S", "M", "L")
