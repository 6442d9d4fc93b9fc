"""Every command that a document prints is understood by the program that it names."""

import importlib
import runpy

import fuzz_run
import numpy as np
import pytest
import yaml
from doc_commands import DOCS, OF_THE_PAST, PAGES, ROOT, blocks, commands, full_names

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.gazebo_config import GazeboConfig
from depth_pc_ros.bringup.user_params import read_user_params
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.geometry import se3

# Programs of others: that they are named is all that is checked.
OTHERS = {
    "colcon", "cp", "curl", "dask", "export", "git", "mkdocs", "mypy", "pip", "pre-commit", "rviz2", "ruff", "ssh",
    "sudo", "tar", "tensorboard",
}  # fmt: skip
OTHER_PACKAGES = {
    "ur_robot_driver", "ur_moveit_config", "realsense2_camera", "xarm_moveit_servo", "kortex_bringup", "kinova_vision",
    "franka_fr3_moveit_config",
}  # fmt: skip
WITH_COMMANDS = [page for page in PAGES if page not in OF_THE_PAST and commands(page)]


def exit_code(parser, words: list[str]) -> int:
    """What the program would end with when its arguments are read: 0 when it understands them, or shows its help."""
    try:
        parser.parse_args(words)
    except SystemExit as end:
        return end.code
    return 0


def parse(module: str, words: list[str]) -> None:
    """The parser of a module understands the words."""
    code = exit_code(importlib.import_module(module).parser(), words)
    assert code == 0, f"{module} does not understand {' '.join(words)}"


def check_pytest(words: list[str]) -> None:
    for word in words:
        if word.startswith("test"):
            assert (ROOT / word.split("::")[0]).exists(), word


def check_python(words: list[str]) -> None:
    if words[0] != "-m":
        path = ROOT / words[0]
        compile(path.read_text(encoding="utf-8"), path, "exec")
    elif words[1] == "pytest":
        check_pytest(words[2:])
    else:
        assert words[1].startswith("depth_pc_ros."), words
        module = f"{words[1]}.__main__" if words[1] == "depth_pc_ros.benchmark" else words[1]
        parse(module, words[2:])


def check_script(words: list[str]) -> None:
    path, rest = ROOT / words[0], words[1:]
    assert path.is_file(), words[0]
    if path.name == "demo.sh":
        parse("depth_pc_ros.cli.demo", rest)
    elif path.name == "faults.sh":
        pytest.importorskip("rclpy", reason="the parser is that of the campaign, which needs rclpy")
        parse("campaign", rest)
    elif path.name == "test.sh":
        check_pytest(rest)
    elif path.name == "fuzz.sh":
        assert exit_code(fuzz_run.parser(), rest) == 0, " ".join(words)
    elif path.suffix == ".py":
        if rest:
            assert exit_code(runpy.run_path(str(path))["parser"](), rest) == 0, " ".join(words)
    else:
        assert not rest, f"{words[0]} takes no arguments"


def executables() -> dict[str, str]:
    """Name of each executable of the ROS package -> its module."""
    modules = {"benchmark": "depth_pc_ros.benchmark.__main__"}
    for folder in ("nodes", "cli"):
        for path in (ROOT / "depth_pc_ros" / folder).glob("*.py"):
            if "def main(" in path.read_text(encoding="utf-8"):
                modules[path.stem] = f"depth_pc_ros.{folder}.{path.stem}"
    return modules


def check_launch(words: list[str]) -> None:
    package, file, *arguments = words
    if package in OTHER_PACKAGES:
        return
    assert package == "depth_pc_ros", package
    assert (ROOT / "launch" / file).is_file(), file
    given = dict(argument.split(":=", 1) for argument in arguments if argument[:2] != "--")
    if file == "gazebo.launch.py":
        gazebo = GazeboConfig.from_launch(given)
        given = {name: text for name, text in given.items() if name not in GazeboConfig.__dataclass_fields__}
        given |= gazebo.servo_arguments()
    BringupConfig.from_text(given)


def check_ros2(words: list[str]) -> None:
    verb, rest = " ".join(words[:2]), words[2:]
    if verb.split()[0] == "security":
        assert words[1] in ("create_keystore", "create_enclave", "create_permission", "generate_policy"), words
    elif words[0] == "launch":
        check_launch(words[1:])
    elif words[0] == "run":
        assert words[1] == "depth_pc_ros"
        module = executables()[words[2]]
        if module.split(".")[1] != "nodes":  # those have parameters, not flags
            parse(module, words[3:])
    elif verb in ("control switch_controllers", "param set"):
        assert len(rest) > 2
    elif verb in ("bag record", "bag play", "bag info"):
        assert all(word.startswith(("/", "-")) or word.isidentifier() for word in rest), rest
    elif verb == "service call":
        assert rest[0] in full_names({"service"}), rest[0]
        assert len(rest) < 3 or isinstance(yaml.safe_load(rest[2]), dict), rest
    elif verb == "topic echo":
        assert rest[0] in full_names({"publishes"}), rest[0]
    elif verb == "action send_goal":
        assert rest[0] in full_names({"action"}), rest[0]
    else:
        pytest.fail(f"no check for: ros2 {' '.join(words)}")


def check(words: list[str]) -> None:
    program = words[0]
    if program in ("python", "python3"):
        check_python(words[1:])
    elif program == "source":
        assert (ROOT / words[1]).is_file(), words[1]
    elif program == "ros2":
        check_ros2(words[1:])
    elif program.startswith("scripts/"):
        check_script(words)
    elif (executable := program.removeprefix("depth_pc_")) in executables():
        parse(executables()[executable], words[1:])
    else:
        assert program in OTHERS, f"no check for: {' '.join(words)}"


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_understood(page):
    for words in commands(page):
        try:
            check(words)
        except Exception as error:
            raise AssertionError(f"{page.name}: {' '.join(words)}: {error}") from error


@pytest.mark.parametrize(
    "wrong",
    [
        ["scripts/demo.sh", "--sed", "3"],
        ["python", "-m", "depth_pc_ros.benchmark", "e_ycb", "--method", "pbvs", "--no-such"],
        ["ros2", "launch", "depth_pc_ros", "servo.launch.py", "controler:=pbvs"],
        ["ros2", "launch", "depth_pc_ros", "gazebo.launch.py", "rig:=ur5"],
        ["ros2", "launch", "depth_pc_ros", "gazebo.launch.py", "controler:=pbvs"],
        ["ros2", "service", "call", "/depth_pc/controller/enabled", "std_srvs/srv/SetBool"],
        ["ros2", "topic", "echo", "/depth_pc/controller/state"],
        ["no_such_program"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_is_found(wrong):
    with pytest.raises((AssertionError, ConfigError)):
        check(wrong)


RECIPES = sorted(page for page in (DOCS / "robots").glob("*.md") if page.name != "index.md")


@pytest.mark.parametrize("page", RECIPES, ids=lambda page: page.name)
def test_a_recipe_starts_slowly_and_checks_what_it_starts(page):
    """Every launch line has limits for a first run and a delay, and a check_setup with the same options."""
    ours = [words for words in commands(page) if words[0] == "ros2" and "depth_pc_ros" in words[1:3]]
    launches = [words[4:] for words in ours if words[1] == "launch"]
    checked = [words[4:] for words in ours if words[1] == "run" and words[3] == "check_setup"]
    assert len(launches) == len(checked) >= 1
    for launch, check in zip(launches, checked):
        options = dict(word.split(":=", 1) for word in launch)
        config = BringupConfig.from_text(options)
        assert config.max_linear <= 0.05
        assert config.max_angular <= 0.2
        assert config.actuation_delay_s >= 0.1
        given = {name[2:].replace("-", "_"): value for name, value in zip(check[::2], check[1::2])}
        limits = ("max_linear", "max_angular", "actuation_delay_s")
        assert given == {name: value for name, value in options.items() if name not in limits}


def python_blocks():
    return [(page, text) for page in PAGES for language, text in blocks(page) if language == "python"]


@pytest.mark.parametrize(("page", "text"), python_blocks(), ids=lambda value: getattr(value, "name", ""))
def test_python_blocks_run(page, text):
    """Their imports, and what they define; the robot in them is the reader's."""
    names = {}
    exec(compile(text, page.name, "exec"), names)
    assert any(getattr(value, "__module__", "").startswith("depth_pc_ros") for value in names.values())


class Stub:
    """A camera that stands at the goal, and a robot that records its commands."""

    def __init__(self, image):
        self.image, self.twists = image, []

    def read(self):
        return self.image

    def move(self, twist):
        self.twists.append(twist)


@pytest.mark.parametrize("page", ["README.md", "docs/tutorials/python.md"])
def test_the_python_example_drives(page, plane, intrinsics, monkeypatch):
    text = next(text for language, text in blocks(ROOT / page) if language == "python")
    names = {}
    exec(compile(text, page, "exec"), names)
    image = plane.view(se3.look_at(np.array([0.05, 0.0, 0.6]), np.zeros(3), np.array([0.0, 1.0, 0.0])), intrinsics)
    stub, clock = Stub(image), iter(np.arange(1.0, 100.0, 0.1))
    monkeypatch.setattr(names["time"], "monotonic", lambda: next(clock))
    names["drive"](stub, stub, image, intrinsics.matrix)
    assert len(stub.twists) >= 1
    assert max(np.linalg.norm(twist) for twist in stub.twists) < 0.01


@pytest.mark.parametrize("page", [*sorted((DOCS / "tutorials").glob("*.md")), *RECIPES], ids=lambda page: page.name)
def test_parameter_files_are_accepted(page, tmp_path):
    for language, text in blocks(page):
        if language == "yaml":
            file = tmp_path / "params.yaml"
            file.write_text(text)
            assert any(read_user_params(file).values())
