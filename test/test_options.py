import argparse
from dataclasses import dataclass

import pytest

from depth_pc_ros.config import Config, ControlConfig, option, same_as
from depth_pc_ros.options import add_fields, add_text_fields, allowed, as_text, describe, from_text, given_texts


@dataclass(frozen=True)
class Options(Config):
    rate_hz: float = option(5.0, "How often, 1/s; 100 % is 50.", 1.0, 50.0)
    count: int = option(3, "How many.", 0, 9)
    name: str = option("", "What it is called.")
    size: str = option("M", "How large.", choices=("S", "M", "L"))
    params: str = option("", "A file.")
    lockstep: bool = option(False, "Wait for it.")
    freeze_depth: bool = option(True, "Freeze the depth.")
    gain: float | None = same_as(ControlConfig, "gain", None)
    find_scale: bool | None = same_as(ControlConfig, "find_scale", None)


FIELDS = Options.__dataclass_fields__


def typed(*words) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_fields(parser, Options, [name for name in FIELDS if name not in ("gain", "find_scale")])
    return parser.parse_args(words)


def texts(*words, names=None) -> dict[str, str]:
    parser = argparse.ArgumentParser()
    add_text_fields(parser, Options, names)
    return given_texts(parser.parse_args(words), Options)


def test_limits_in_words():
    assert allowed(FIELDS["rate_hz"]) == "from 1.0 to 50.0"
    assert allowed(FIELDS["size"]) == "one of: S, M, L"
    assert allowed(FIELDS["name"]) == ""
    assert describe(FIELDS["size"]) == "How large. One of: S, M, L."
    assert describe(FIELDS["name"]) == "What it is called."


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("rate_hz", "2", 2.0),
        ("rate_hz", "1e1", 10.0),
        ("count", "4", 4),
        ("name", "", ""),
        ("lockstep", "True", True),
        ("lockstep", "0", False),
        ("gain", "", None),
        ("gain", "0.5", 0.5),
        ("find_scale", "", None),
        ("find_scale", "false", False),
        ("count", "4.5", "4.5"),
        ("rate_hz", "", ""),
        ("find_scale", "no", "no"),
    ],
)
def test_a_text_becomes_a_value_where_it_fits(name, text, value):
    got = from_text(FIELDS[name], text)
    assert got == value
    assert type(got) is type(value)


def test_every_default_survives_as_a_text():
    for field in FIELDS.values():
        assert from_text(field, as_text(field.default)) == field.default


def test_typed_flags():
    assert vars(typed()) == {
        name: field.default for name, field in FIELDS.items() if name not in ("gain", "find_scale")
    }  # fmt: skip
    given = typed("--rate-hz", "7", "--count", "2", "--size", "L", "--lockstep", "--no-freeze-depth")
    assert (given.rate_hz, given.count, given.size, given.lockstep, given.freeze_depth) == (7.0, 2, "L", True, False)


def test_text_flags_return_what_was_given():
    assert texts() == {}
    assert texts("--count", "4", "--lockstep", "--gain", "") == {"count": "4", "lockstep": "true", "gain": ""}
    assert texts("--lockstep", "false", "--find-scale", "false") == {"lockstep": "false", "find_scale": "false"}
    assert texts("--count", "many") == {"count": "many"}
    with pytest.raises(SystemExit):
        texts("--size", "S", names=("count",))


@pytest.mark.parametrize(
    ("parse", "flag", "words"),
    [
        (typed, "--no-terminal", "--no-terminal is now called --no-freeze-depth"),
        (typed, "--terminal", "--terminal is now called --no-freeze-depth"),
        (texts, "--config-dir", "--config-dir is now called --params"),
        (texts, "--terminal", "--terminal is now called --freeze-depth"),
    ],
)
def test_an_old_flag_names_the_new_one(parse, flag, words, capsys):
    for given in ([flag], [flag, "value"]):
        with pytest.raises(SystemExit) as end:
            parse(*given)
        assert end.value.code == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("add", [add_fields, add_text_fields])
def test_help_shows_flags_and_defaults_but_no_old_name(add):
    parser = argparse.ArgumentParser()
    add(parser, Options, ("rate_hz", "size", "params", "freeze_depth"))
    text = " ".join(parser.format_help().split())
    for part in ("--rate-hz", "100 % is 50.", "Default: 5.0.", "--size", "Default: M.", "freeze-depth"):
        assert part in text
    assert "config-dir" not in text
    assert "terminal" not in text
