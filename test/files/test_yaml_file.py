import pytest

from depth_pc_ros.bringup.user_params import read_user_params
from depth_pc_ros.config import ControlConfig, PipelineConfig
from depth_pc_ros.errors import ConfigError, FileError
from depth_pc_ros.files.yaml_file import read_yaml
from depth_pc_ros.nodes.node_configs import AdapterConfig

BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi"))
REFUSED = {
    "alias bomb": (BOMB, "line 1: anchors and aliases are not supported"),
    "alias": ("a: *b", "line 1: anchors and aliases"),
    "merge key": ("<<: {a: 1}", "line 1: expected plain text"),
    "deep list": ("a: " + "[" * 5000, "line 1: expected at most 20 levels"),
    "deep mapping": ("{a: " * 3000 + "1" + "}" * 3000, "line 1: expected at most 20 levels"),
    "deep by indent": ("".join(" " * k + "a:\n" for k in range(300)), "line 20: expected at most 20 levels"),
    "long number": ("a: " + "9" * 5000, "line 1: expected a number of at most 40 digits, got one of 5000"),
    "long hexadecimal": ("a: 0x" + "f" * 9000, "number of at most 40 digits"),
    "code": ("a: !!python/object/apply:os.system [ls]", "line 1: expected plain text"),
    "own tag": ("a: !mine 1", "expected plain text"),
    "binary": ("a: !!binary x", "expected plain text"),
    "set": ("a: !!set {b}", "expected plain text"),
    "date": ("a: 2024-99-99", "expected plain text"),
    "wrong int": ("a: !!int word", "line 1: expected int, got 'word'"),
    "wrong bool": ("a: !!bool word", "line 1: expected bool, got 'word'"),
    "wrong float": ("a: !!float word", "line 1: expected float, got 'word'"),
    "wrong null": ("a: !!null word", None),
    "list as key": ("? [a]\n: 3", "line 1: expected a text or a number as a key"),
    "two documents": ("a: 1\n---\nb: 2", "line 2: "),
    "control character": ("a: \x00", "not allowed"),
    "tab": ("a:\n\tb: 1", "line 2: "),
    "list": ("[1]", "expected a mapping of keys, got list"),
    "text": ("word", "expected a mapping of keys, got str"),
    "too large": ("#" * 300_000, "expected at most 0.256 MB"),
}


@pytest.mark.parametrize("name", [name for name, (_, words) in REFUSED.items() if words])
def test_what_is_not_plain_is_refused_in_one_line(tmp_path, name):
    text, words = REFUSED[name]
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(FileError, match=r"^what .*a\.yaml: .*" + words) as error:
        read_yaml(path, "what")
    assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match=r"params .*a\.yaml: "):
        read_user_params(path)
    with pytest.raises(ConfigError, match=r"config file .*a\.yaml: "):
        PipelineConfig.load(path)


def test_other_encodings_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_bytes("gain: ü".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"config file .*a\.yaml: line 1: expected UTF-8, got byte 0xfc"):
        ControlConfig.load(tmp_path / "a.yaml")


def test_plain_yaml_is_read(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("\ufeffa: {b: [1, 2.5, true, null, 1e-1]}\nc: 'two\n  lines'\nd: |\n  x\n", encoding="utf-8")
    assert read_yaml(path, "what") == {"a": {"b": [1, 2.5, True, None, 0.1]}, "c": "two lines", "d": "x\n"}
    path.write_text("# nothing\n")
    assert read_yaml(path, "what") == {}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["a", "b", "c"], "expected numbers, got str 'a'"),
        ([True, False, True], "expected numbers, got bool True"),
        ([b"\0", b"\1", b"\2"], "expected numbers, got bytes"),
        ([1, None, 2], "expected numbers, got NoneType"),
        ([1, [2], 3], r"expected numbers, got list \[2\]"),
        ([1.0, 2.0], "expected 3 finite numbers"),
        ([1, 2, float("nan")], "expected 3 finite numbers"),
        ([1, 2, 10**400], "expected a finite number"),
        ("1 2 3", "expected tuple, got str '1 2 3'"),
        ({"x": 1}, "expected tuple, got dict"),
    ],
    ids=lambda each: "",
)
def test_only_numbers_are_numbers_of_a_list(value, words):
    with pytest.raises(ConfigError, match=f"camera_in_tool_xyz: {words}"):
        AdapterConfig.from_mapping({"camera_in_tool_xyz": value})


def test_a_list_of_whole_numbers_is_one_of_numbers():
    config = AdapterConfig.from_mapping({"camera_in_tool_xyz": [1, 2, 0.5]})
    assert config.camera_in_tool_xyz == (1.0, 2.0, 0.5)
    assert all(type(each) is float for each in config.camera_in_tool_xyz)


@pytest.mark.parametrize(
    "value", [["a"], [1.0], {"a": 1}, True, None, 10**400, b"x", "0x1"], ids=lambda each: type(each).__name__
)
def test_a_number_is_a_number(value):
    with pytest.raises(ConfigError, match=r"^x: gain: expected") as error:
        ControlConfig.from_mapping({"gain": value}, "x")
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("key", [1, None, (1, 2), True, "x" * 5000, "a\nb"])
def test_a_key_of_any_kind_is_refused_in_one_short_line(key):
    with pytest.raises(ConfigError, match="unknown key") as error:
        AdapterConfig.from_mapping({key: 1})
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500
