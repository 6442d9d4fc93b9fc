"""package.xml, setup.py, the requirements and the interface files agree with each other and with the code."""

import ast
import os
import re
import runpy
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import depth_pc_ros
from depth_pc_ros import extras
from depth_pc_ros.bringup.node_table import BringupConfig
from depth_pc_ros.bringup.node_table import nodes as nodes_of

ROOT = Path(__file__).resolve().parent.parent
INTERFACES = ROOT / "depth_pc_interfaces"
INTERFACE_FILES = sorted(path for kind in ("msg", "srv", "action") for path in (INTERFACES / kind).iterdir())
SOURCES = sorted([*(ROOT / "depth_pc_ros").rglob("*.py"), *(ROOT / "launch").glob("*.py")])
TESTS = sorted((ROOT / "test").rglob("*.py"))

# Import names whose key in package.xml is not the name itself, python3-NAME or python3-NAME-pip.
KEYS = {
    "PIL": "python3-pil",
    "cv2": "python3-opencv",
    "pybullet_data": "python3-pybullet-pip",
    "safetensors": "python3-transformers-pip",
    "tf2_ros": "tf2_ros_py",
    "torch_geometric": "python3-torch-geometric-pip",
    "transforms3d": "tf_transformations",
    "huggingface_hub": "python3-transformers-pip",
}
# Imported where they are installed, and not declared: rosdep has no key of them, only an extra needs them, or they are
# in a checkout of the user (cns).
UNDECLARED = {
    "moderngl", "kornia", "torchvision", "atheris", "rerun", "rosbags", "cns", "pinocchio", "controller_manager_msgs",
    "selenium", "mujoco", "ptlflow", "distributed",
}  # fmt: skip
# Used by the tests, and not by an import.
TOOLS = {"python3-mypy", "python3-pytest-timeout", "python3-ruff-pip"}
# Keys that exist for Humble, Jazzy and Kilted, looked up in ros/rosdistro on 2026-08-22 (commit 8468e88c),
# python3-aiohttp in its commit 000730dc: python3-* in rosdep/python.yaml, all others are packages of the distributions.
# Look up a new one there before it is added here.
ROSDEP_KEYS = set(
    """
    action_msgs ament_cmake ament_index_python builtin_interfaces cv_bridge diagnostic_msgs geometry_msgs launch
    launch_ros lifecycle_msgs moveit_msgs rcl_interfaces rclpy rosgraph_msgs rosidl_default_generators
    rosidl_default_runtime sensor_msgs std_msgs std_srvs tf2_ros_py tf_transformations
    python3-aiohttp python3-hypothesis python3-jinja2
    python3-jsonschema python3-matplotlib python3-mypy python3-numpy python3-opencv python3-packaging python3-pil
    python3-psutil
    python3-pybullet-pip python3-pytest python3-pytest-timeout python3-ruff-pip python3-scipy python3-skimage
    python3-sklearn python3-tensorboard-pip python3-torch python3-torch-geometric-pip python3-tqdm
    python3-transformers-pip python3-yaml
    """.split()
)


@pytest.fixture
def run_setup(monkeypatch):
    """Runs `setup.py COMMAND` and returns the arguments of setuptools.setup."""

    def run(command: str) -> dict:
        arguments = {}
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr("setuptools.setup", arguments.update)
        monkeypatch.setattr(sys, "argv", ["setup.py", command])
        runpy.run_path("setup.py")
        return arguments

    return run


@pytest.fixture
def setup_arguments(run_setup):
    return run_setup("bdist_wheel")


def package_xml(folder: Path) -> ElementTree.Element:
    return ElementTree.parse(folder / "package.xml").getroot()


def dependencies(folder: Path, tags: str = "depend") -> set[str]:
    """Keys of the dependencies whose tag ends like this."""
    return {element.text for element in package_xml(folder) if element.tag.endswith(tags)}


def imported(paths) -> dict[str, Path]:
    """Top names of the packages that these files import, other than Python's and this one, and a file that does."""
    found = {}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                names = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            # tensorboard is imported by torch, the packages with photographs are only looked for.
            names += ["tensorboard"] * ("torch.utils.tensorboard" in names)
            found |= {name.partition(".")[0]: path for name in names}
        if path.name == "photos.py":
            found |= dict.fromkeys(["skimage", "sklearn"], path)
    local = {path.stem for path in TESTS} | {"depth_pc_ros"}
    return {name: path for name, path in found.items() if name not in sys.stdlib_module_names | local}


def keys_of(name: str) -> set[str]:
    """The keys that would declare an imported package."""
    return {KEYS[name]} if name in KEYS else {name, f"python3-{name}", f"python3-{name}-pip"}


def requirements(lines) -> dict[str, str]:
    """Map the name of each requirement to its version range."""
    parsed = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {requirement.name: str(requirement.specifier) for requirement in parsed}


def interface_lines(path: Path) -> list[tuple[str, str]]:
    """Return (declaration, comment) of every field and constant of an interface file."""
    lines = [line.partition("#") for line in path.read_text().splitlines()]
    return [(code.strip(), comment.strip()) for code, _, comment in lines if code.strip() not in ("", "---")]


def test_every_version_is_the_same(setup_arguments):
    versions = {package_xml(folder).findtext("version") for folder in (ROOT, INTERFACES)}
    assert versions == {setup_arguments["version"]} == {depth_pc_ros.__version__}


def test_names_and_licenses_agree(setup_arguments):
    assert package_xml(ROOT).findtext("name") == setup_arguments["name"] == depth_pc_ros.__name__
    assert package_xml(ROOT).findtext("license") == setup_arguments["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def executables(setup_arguments) -> dict[str, str]:
    """Name and module:function."""
    return dict(script.split(" = ") for script in setup_arguments["entry_points"]["console_scripts"])


@pytest.mark.parametrize("command", ["bdist_wheel", "install", "develop"])
def test_every_executable_has_a_main(run_setup, command):
    for script in executables(run_setup(command)).values():
        module, function = script.split(":")
        path = ROOT / f"{module.replace('.', '/')}.py"
        assert path.is_file(), script
        names = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
        assert function in names, script


def test_pip_gets_the_commands_with_a_prefix_and_ros_all_without(run_setup):
    by_pip, by_colcon = executables(run_setup("bdist_wheel")), executables(run_setup("install"))
    assert by_colcon == executables(run_setup("develop"))
    assert {name.removeprefix("depth_pc_"): script for name, script in by_pip.items()}.items() <= by_colcon.items()
    assert all(name.startswith("depth_pc_") for name in by_pip)
    nodes = {spec.executable for spec in nodes_of(BringupConfig())}
    assert nodes <= by_colcon.keys() - {name.removeprefix("depth_pc_") for name in by_pip}


def test_every_shared_file_is_installed(setup_arguments):
    installed = {name: folder for folder, names in setup_arguments["data_files"] for name in names}
    assert installed["resource/depth_pc_ros"] == "share/ament_index/resource_index/packages"
    for pattern in ("launch/*.py", "config/**/*.*", "models/depth_*/*.*"):
        for path in ROOT.glob(pattern):
            relative = path.relative_to(ROOT)
            assert installed[str(relative)] == f"share/depth_pc_ros/{relative.parent}"
    assert {Path(name).parts[1] for name in installed if name.startswith("models/")} == {
        "depth_anything_tiny", "depth_pc", "depth_pc_geo"
    }  # fmt: skip


def test_requirements_are_those_of_all_extras_and_the_test_tools(setup_arguments):
    run = requirements(setup_arguments["install_requires"]) | requirements(setup_arguments["extras_require"]["all"])
    environment = requirements((ROOT / "scripts/requirements.txt").read_text().splitlines())
    # setup.sh installs torch by itself; setuptools is capped only where colcon links instead of copying.
    assert run.pop("torch") == ">=2.6"  # before that, weights could run code
    del run["setuptools"]
    assert run.items() <= environment.items()
    assert environment.keys() - run.keys() == {
        "colcon-common-extensions", "hypothesis", "ipykernel", "mkdocs", "mkdocs-gen-files", "mkdocs-literate-nav",
        "mkdocs-material", "mkdocstrings", "mypy", "nbclient", "packaging", "psutil", "pytest", "pytest-timeout",
        "pytest-xdist", "ruff", "selenium", "setuptools",
    }  # fmt: skip


def test_a_plain_install_has_no_simulation_and_all_has_everything(setup_arguments):
    core, extra = setup_arguments["install_requires"], setup_arguments["extras_require"]
    assert set(extra) == {
        *("sim", "mujoco", "learned", "train", "benchmark", "cluster", "rosbag", "replay", "ros", "arm", "view", "all"),
        *("fuzz", "rerun"),
    }
    assert set(extra["all"]) == set().union(*(extra[name] for name in set(extra) - {"fuzz", "rerun"}))
    assert not set(core) & set(extra["all"])
    for part, modules in {
        "sim": extras.SIM,
        "mujoco": extras.MUJOCO,
        "train": extras.TRAIN_DEPTH,
        "view": extras.VIEW,
        "replay": extras.REPLAY_PAGE,
        "benchmark": extras.BENCHMARK,
        "cluster": extras.CLUSTER,
    }.items():
        assert set(modules) <= requirements(extra[part]).keys(), part


def test_everything_imported_is_declared():
    for paths, tags in ((SOURCES, "exec_depend"), (TESTS, "depend")):
        declared = dependencies(ROOT, tags)
        for name, path in imported(paths).items():
            assert name in UNDECLARED or declared & keys_of(name), f"{path.relative_to(ROOT)} imports {name}"


def test_everything_declared_is_imported():
    used = set().union(*(keys_of(name) for name in imported(SOURCES)))
    assert dependencies(ROOT, "exec_depend") <= used
    used_by_tests = set().union(*(keys_of(name) for name in imported(TESTS)))
    assert dependencies(ROOT, "test_depend") <= used_by_tests | TOOLS


def test_every_rosdep_key_exists():
    assert dependencies(ROOT) | dependencies(INTERFACES) <= ROSDEP_KEYS | {"depth_pc_interfaces"}


@pytest.mark.parametrize("path", INTERFACE_FILES, ids=lambda path: path.name)
def test_every_interface_field_is_explained(path):
    for declaration, comment in interface_lines(path):
        assert comment, declaration
        if re.match(r"float|geometry_msgs", declaration):
            assert re.search(r"\b(px|m|mm|s|ms|m/s|no unit)\b", comment), f"{declaration}: no unit"


def test_interface_package_builds_every_file_and_declares_what_they_use():
    cmake = (INTERFACES / "CMakeLists.txt").read_text()
    listed = set(re.findall(r'"((?:msg|srv|action)/\w+\.\w+)"', cmake))
    assert listed == {str(path.relative_to(INTERFACES)) for path in INTERFACE_FILES}
    used = {
        declaration.partition("/")[0]
        for path in INTERFACE_FILES
        for declaration, _ in interface_lines(path)
        if "/" in declaration.split()[0]
    } - {"depth_pc_interfaces"}
    assert used <= dependencies(INTERFACES)
    assert used == set(re.search(r"DEPENDENCIES ([\w ]+)", cmake)[1].split())


def test_pre_commit_runs_a_ruff_of_the_required_versions():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    revisions = {repo["repo"].rpartition("/")[2]: repo["rev"] for repo in config["repos"]}
    required = requirements((ROOT / "scripts/requirements.txt").read_text().splitlines())["ruff"]
    assert Requirement(f"ruff{required}").specifier.contains(revisions["ruff-pre-commit"].removeprefix("v"))


def test_scripts_are_executable():
    for name in ("scripts/setup.sh", "scripts/demo.sh", "scripts/test.sh", "scripts/fuzz.sh", ".ci/run"):
        assert os.access(ROOT / name, os.X_OK), name
