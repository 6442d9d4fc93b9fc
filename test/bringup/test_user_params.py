"""The user's own parameter file: what it may hold, and how wrong ones are refused."""

import pytest

from depth_pc_ros.bringup.user_params import SET_AT_START_UP, read_user_params
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.node_configs import NODE_CONFIGS


@pytest.fixture
def read(tmp_path):
    """Reads a text as a parameter file: the nodes that it gives something to."""

    def read(text: str) -> dict[str, dict]:
        path = tmp_path / "my_robot.yaml"
        path.write_text(text)
        return {node: values for node, values in read_user_params(path).items() if values}

    return read


@pytest.mark.parametrize(
    "text",
    [
        "controller: {max_linear: 0.1}",
        "controller: {ros__parameters: {max_linear: 0.1}}",
        "/depth_pc/controller: {ros__parameters: {max_linear: 0.1}}",
        "/depth_pc/controller: {max_linear: 0.1}",
        "/*/controller: {ros__parameters: {max_linear: 0.1}}",
        "/**/controller: {ros__parameters: {max_linear: 0.1}}",
        "controller: {max_linear: 0.1}\nadapter:\n",
    ],
)
def test_every_form_of_a_section(read, text):
    assert read(text) == {"controller": {"max_linear": 0.1}}


@pytest.mark.parametrize("section", ["controller", "/cell/left/controller", "/**/controller", "/**/left/controller"])
def test_every_form_of_a_section_in_another_namespace(tmp_path, section):
    path = tmp_path / "my_robot.yaml"
    path.write_text(f"{section}: {{max_linear: 0.1}}")
    assert read_user_params(path, "/cell/left")["controller"] == {"max_linear": 0.1}


@pytest.mark.parametrize("section", ["/depth_pc/controller", "/left/controller", "/*/controller", "/cell/right/*"])
def test_a_section_of_another_namespace_is_refused_not_left_out(tmp_path, section):
    path = tmp_path / "my_robot.yaml"
    path.write_text(f"{section}: {{max_linear: 0.1}}")
    with pytest.raises(ConfigError, match="unknown section"):
        read_user_params(path, "/cell/left")


def test_an_empty_file_gives_nothing(read):
    assert read("") == {}
    assert read("# nothing yet\n") == {}


def test_values_get_the_type_of_the_option(read):
    values = read("controller: {max_linear: 1, min_matches: 9, find_scale: false, speed: limited}")["controller"]
    assert values == {"max_linear": 1.0, "min_matches": 9, "find_scale": False, "speed": "limited"}
    assert type(values["max_linear"]) is float


def test_a_wildcard_reaches_the_nodes_that_have_the_parameter(read):
    assert read("/**: {ros__parameters: {rectified: true}}") == {
        "keypoints": {"rectified": True},
        "depth": {"rectified": True},
        "watch": {"rectified": True},
    }
    assert set(read("/depth_pc/*: {autostart: false}")) == set(NODE_CONFIGS)


@pytest.mark.parametrize("first", ["/**: {rate_hz: 20, autostart: false}\n", ""])
def test_a_section_of_one_node_overrides_a_wildcard(read, first):
    last = "" if first else "/**: {rate_hz: 20, autostart: false}\n"
    values = read(f"{first}controller: {{rate_hz: 30}}\n{last}")
    assert values["controller"] == {"rate_hz": 30.0, "autostart": False}
    assert values["adapter"] == {"rate_hz": 20.0, "autostart": False}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("controler: {}", r"unknown section 'controler' \(did you mean controller\?\)"),
        ("/depth_pc/controler: {}", r"unknown section '/depth_pc/controler' \(did you mean /depth_pc/controller\?\)"),
        ("depth_pc: {controller: {}}", "unknown section 'depth_pc'"),
        ("/other/**: {rate_hz: 1.0}", "unknown section '/other/"),
        ("1: {}", "unknown section 1 .known: bridge, keypoints"),
        ("controller: {max_liner: 1.0}", r"'controller': unknown key 'max_liner' \(did you mean max_linear\?\)"),
        ("controller: {zzz: 1.0}", "'controller': unknown key 'zzz' .known: controller, model"),
        ("/**: {gian: 1.0}", r"unknown key 'gian' \(did you mean gain\?\)"),
        ("controller: {terminal: false}", "'controller': 'terminal' is now called 'freeze_depth'"),
        ("/**: {terminal: false}", "'terminal' is now called 'freeze_depth'"),
        ("controller: {max_linear: fast}", "'controller': max_linear: expected float, got str 'fast'"),
        ("controller: {max_linear: -1.0}", r"max_linear: expected a value in \[0.001, 2.0\], got -1.0"),
        ("controller: {max_linear: .nan}", "max_linear: expected a finite number"),
        ("controller: {max_linear: }", "max_linear: expected float, got NoneType"),
        ("controller: {speed: warp}", "speed: expected one of paper, limited, swift, got 'warp'"),
        ("controller: {find_scale: 1}", "find_scale: expected bool, got int"),
        ("controller: 3", "'controller': expected a mapping of parameters, got int 3"),
        ("controller: {ros__parameters: [1]}", "expected a mapping of parameters, got list"),
        ("controller: {}\ncontroller: {}", "line 2: duplicate key 'controller'"),
        ("controller: {gain: 1.0,\n gain: 2.0}", "line 2: duplicate key 'gain'"),
        ("controller: {}\n/depth_pc/controller: {}", "'controller' and '/depth_pc/controller' are of the same node"),
        ("bridge: {rig: arm}", "'bridge': rig follows from the start-up option `rig`"),
        ("/**: {use_sim_time: true}", "use_sim_time follows from the start-up option `use_sim_time`"),
        ("adapter: {hand_eye: tf}", "hand_eye follows from the start-up option `camera_in_tool`"),
        ("- controller", "expected a mapping of keys, got list"),
        ("controller: [", "line 1: "),
        ("? [a]\n: 3", "line 1: "),
    ],
)
def test_what_is_wrong_is_named_in_one_line(read, text, words):
    with pytest.raises(ConfigError, match=r"^params .*my_robot\.yaml: .*" + words) as error:
        read(text)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"params .*nowhere\.yaml: .*no such file"):
        read_user_params(tmp_path / "nowhere.yaml")


def test_what_start_up_sets_is_a_parameter_of_the_node():
    assert set(SET_AT_START_UP) == set(NODE_CONFIGS)
    for node, names in SET_AT_START_UP.items():
        assert set(names) - {"use_sim_time"} <= set(NODE_CONFIGS[node].__dataclass_fields__)
