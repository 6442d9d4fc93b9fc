import argparse
import dataclasses

import pytest

from depth_pc_ros.bringup.node_table import BringupConfig
from depth_pc_ros.cli.options import add_options, bringup_config
from depth_pc_ros.errors import ConfigError


def parse(*words, leave_out=()) -> BringupConfig:
    parser = argparse.ArgumentParser()
    add_options(parser, BringupConfig, leave_out)
    return bringup_config(parser.parse_args(words))


def test_nothing_given_is_the_default():
    assert parse() == BringupConfig()


def test_options_of_every_type():
    config = parse("--seed", "4", "--lockstep", "--rig", "arm", "--config-dir", "/tmp")
    assert (config.seed, config.lockstep, config.rig, config.config_dir) == (4, True, "arm", "/tmp")
    assert parse("--lockstep", "false").lockstep is False


def test_an_option_may_be_left_out():
    with pytest.raises(SystemExit):
        parse("--seed", "4", leave_out=("seed",))
    assert parse(leave_out=("seed",)) == BringupConfig()


@pytest.mark.parametrize("words", [("--seed", "x"), ("--rig", "ur5"), ("--lockstep", "perhaps")])
def test_a_wrong_value_is_named(words):
    with pytest.raises(ConfigError, match=f"command line: {words[0][2:]}: expected"):
        parse(*words)


def test_help_tells_every_option():
    parser = argparse.ArgumentParser()
    add_options(parser, BringupConfig)
    text = parser.format_help()
    for field in dataclasses.fields(BringupConfig):
        assert f"--{field.name.replace('_', '-')}" in text
