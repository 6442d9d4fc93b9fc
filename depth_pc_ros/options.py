"""Turns the options of a configuration into command-line flags, launch arguments and descriptions; no ROS import."""

import argparse
import dataclasses
from collections.abc import Iterable
from dataclasses import Field

from depth_pc_ros.config import RENAMED, Config

_BOOLS = {"true": True, "1": True, "false": False, "0": False}


def allowed(field: Field) -> str:
    """The allowed values or the range of an option, in words; "" when there is no limit."""
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    if choices is not None:
        return f"one of: {', '.join(map(str, choices))}"
    return "" if low is None or high is None else f"from {low} to {high}"


def describe(field: Field) -> str:
    """Help text of an option, with its allowed values or range."""
    limits = allowed(field)
    return field.metadata["help"] + (f" {limits[0].upper()}{limits[1:]}." if limits else "")


def as_text(value) -> str:
    """A value as a launch argument: None is an empty text."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def from_text(field: Field, text: str):
    """The text as the type of the option; as it is where it does not fit, so that the configuration refuses it."""
    kind = field.metadata["kind"]
    if text == "" and field.default is None:
        return None
    if kind is bool:
        return _BOOLS.get(text.lower(), text)
    try:
        return kind(text) if kind in (int, float) else text
    except ValueError:
        return text


def at_least(low: int):
    """A type for argparse: an integer of at least `low`."""

    def number(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"expected a number of at least {low}, got {text}")
        return value

    return number


def add_fields(group, config: type[Config], names: Iterable[str], more: str = "") -> None:
    """Add options of a configuration to an argparse parser or group: their values have the options' types.

    Ranges are checked when the configuration is built. A bool that is False becomes a switch, one that is True `--no-`.
    more: what this command adds to their help.
    """
    for name in names:
        field = config.__dataclass_fields__[name]
        help = f"{field.metadata['help']} {more}".strip().replace("%", "%%")
        flag = f"--no-{_dashed(name)}" if field.default is True else f"--{_dashed(name)}"
        if field.default is False:
            group.add_argument(flag, action="store_true", help=help)
        elif field.default is True:
            group.add_argument(flag, dest=name, action="store_false", help=f"Do not: {help}")
        else:
            kind, choices = field.metadata["kind"], field.metadata["choices"]
            group.add_argument(
                flag, type=kind, default=field.default, choices=choices,
                metavar=None if choices else kind.__name__.upper(),
                help=f"{help} Default: {field.default}." if field.default != "" else help,
            )  # fmt: skip
        _refuse_old_flags(group, name, flag)


def add_text_fields(group, config: type[Config], names: Iterable[str] | None = None) -> None:
    """Add options (None: all) as flags that take a text, for `given_texts`; a bool may be given without a value."""
    for name in config.__dataclass_fields__ if names is None else names:
        field = config.__dataclass_fields__[name]
        kind = field.metadata["kind"]
        default = "" if field.default in ("", None) else f" Default: {as_text(field.default)}."
        group.add_argument(
            f"--{_dashed(name)}",
            metavar="TEXT" if kind is str else kind.__name__.upper(),
            help=(describe(field) + default).replace("%", "%%"),
            **({"nargs": "?", "const": "true"} if kind is bool else {}),
        )
        _refuse_old_flags(group, name, f"--{_dashed(name)}")


def given_texts(arguments: argparse.Namespace, config: type[Config]) -> dict[str, str]:
    """The options of a configuration that were given to flags of `add_text_fields`."""
    texts = {field.name: getattr(arguments, field.name, None) for field in dataclasses.fields(config)}
    return {name: text for name, text in texts.items() if text is not None}


class _Renamed(argparse.Action):
    """A renamed flag: the error gives its new name."""

    def __call__(self, parser, namespace, values, option_string=None):
        parser.error(f"{option_string} is now called {self.const}")


def _refuse_old_flags(group, name: str, flag: str) -> None:
    for old in (_dashed(old) for old, new in RENAMED.items() if new == name):
        group.add_argument(
            f"--{old}", f"--no-{old}", action=_Renamed, nargs="?", const=flag,
            dest=argparse.SUPPRESS, default=argparse.SUPPRESS, help=argparse.SUPPRESS,
        )  # fmt: skip


def _dashed(name: str) -> str:
    return name.replace("_", "-")
