"""The fields of a configuration as command-line options."""

import argparse
import dataclasses

from depth_pc_ros.bringup.node_table import BringupConfig, describe
from depth_pc_ros.config import Config


def add_options(parser: argparse.ArgumentParser, config: type[Config], leave_out: tuple[str, ...] = ()) -> None:
    """Add `--name VALUE` for every field; a bool may be given without a value."""
    for field in dataclasses.fields(config):
        if field.name in leave_out:
            continue
        default = f" Default: {field.default}." if field.default != "" else ""
        switch = {"nargs": "?", "const": "true"} if isinstance(field.default, bool) else {}
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            metavar=type(field.default).__name__.upper().replace("STR", "TEXT"),
            help=(describe(field) + default).replace("%", "%%"),
            **switch,
        )


def bringup_config(arguments: argparse.Namespace) -> BringupConfig:
    """The start-up options that were given on the command line. Raises ConfigError."""
    names = [field.name for field in dataclasses.fields(BringupConfig)]
    given = {name: getattr(arguments, name, None) for name in names}
    return BringupConfig.from_text({name: text for name, text in given.items() if text is not None}, "command line")
