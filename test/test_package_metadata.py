"""package.xml, setup.py, the requirements and the interface files agree with each other and with the code."""

import ast
import os
import re
import runpy
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import depth_pc_ros
from depth_pc_ros.perception.learned_matcher import KORNIA

ROOT = Path(__file__).resolve().parent.parent
INTERFACES = ROOT / "depth_pc_interfaces"
INTERFACE_FILES = sorted(path for kind in ("msg", "srv", "action") for path in (INTERFACES / kind).iterdir())
SOURCES = sorted((ROOT / "depth_pc_ros").rglob("*.py"))

# Import names whose key in package.xml is not the name itself, python3-NAME or python3-NAME-pip.
KEYS = {
    "cv2": "python3-opencv",
    "PIL": "python3-pil",
    "tf2_ros": "tf2_ros_py",
    "torch_geometric": "python3-torch-geometric-pip",
}
KEYS |= dict.fromkeys(["pybullet_data", "pybullet_utils"], "python3-pybullet-pip")
KEYS |= {"safetensors": "python3-transformers-pip", "PIL": "python3-pil"}


@pytest.fixture
def setup_arguments(monkeypatch):
    """What setup.py tells setuptools."""
    arguments = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("setuptools.setup", arguments.update)
    runpy.run_path("setup.py")
    return arguments


def package_xml(folder: Path) -> ElementTree.Element:
    return ElementTree.parse(folder / "package.xml").getroot()


def dependencies(folder: Path) -> set[str]:
    return {element.text for element in package_xml(folder) if element.tag.endswith("depend")}


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


def test_every_executable_has_a_main(setup_arguments):
    for script in setup_arguments["entry_points"]["console_scripts"]:
        module, function = script.split(" = ")[1].split(":")
        path = ROOT / f"{module.replace('.', '/')}.py"
        assert path.is_file(), script
        names = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
        assert function in names, script


def test_every_shared_file_is_installed(setup_arguments):
    installed = {name: folder for folder, names in setup_arguments["data_files"] for name in names}
    assert installed["resource/depth_pc_ros"] == "share/ament_index/resource_index/packages"
    for pattern in ("launch/*.py", "config/*", "models/**/*.*"):
        for path in ROOT.glob(pattern):
            relative = path.relative_to(ROOT)
            assert installed[str(relative)] == f"share/depth_pc_ros/{relative.parent}"


def test_requirements_are_the_run_dependencies_and_the_test_tools(setup_arguments):
    run = requirements(setup_arguments["install_requires"])
    environment = requirements((ROOT / "scripts/requirements.txt").read_text().splitlines())
    # setup.sh installs torch by itself; setuptools is capped only where colcon links instead of copying.
    assert run.pop("torch") == ">=2.5"
    del run["setuptools"]
    optional = requirements(setup_arguments["extras_require"]["learned-matcher"])
    assert requirements([KORNIA]) == optional
    assert {**run, **optional}.items() <= environment.items()
    assert environment.keys() - run.keys() - optional.keys() == {
        "colcon-common-extensions", "setuptools", "pytest", "pytest-timeout", "ruff", "psutil", "nbclient", "ipykernel"
    }  # fmt: skip


def test_everything_imported_is_declared():
    declared = dependencies(ROOT)
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"depth_pc_ros"}:
                keys = {KEYS.get(name, name), f"python3-{name}", f"python3-{name}-pip"}
                assert declared & keys, f"{path.relative_to(ROOT)} imports {name}, which package.xml does not declare"


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


def test_scripts_are_executable():
    for name in ("scripts/setup.sh", "scripts/demo.sh", "scripts/test.sh", ".ci/run"):
        assert os.access(ROOT / name, os.X_OK), name
