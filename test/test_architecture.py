"""The rules of ARCHITECTURE.md that can be read off the import lines."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "depth_pc_ros"
FILES = sorted(PACKAGE.rglob("*.py"))

# What each part may import of the package, besides itself.
ALLOWED = {
    "types": {"errors", "geometry"},
    "errors": set(),
    "provenance": set(),
    "package_files": {"errors"},
    "config": {"errors"},
    "geometry": {"errors", "config"},
    "perception": {"types", "errors", "config", "geometry", "package_files"},
    "pose": {"errors", "geometry"},
    "control": {"types", "errors", "config", "geometry", "pose", "graph", "networks", "package_files"},
    "graph": {"errors"},
    "networks": {"errors", "config", "graph"},
    "training": {"errors", "config", "geometry", "sim", "graph", "networks"},
    "depth_training": {"errors", "config", "geometry", "perception", "sim", "training"},
    "sim": {"types", "errors", "geometry"},
    "pipeline": {"types", "errors", "config", "geometry", "perception", "control"},
    "benchmark": {
        "provenance",
        "package_files",
        "types",
        "errors",
        "config",
        "geometry",
        "perception",
        "control",
        "sim",
        "pipeline",
        "nodes",
        "graph",
        "networks",
    },
    "nodes": {"package_files", "types", "errors", "config", "geometry", "perception", "control", "sim", "pipeline"},
    "bringup": {"package_files", "types", "errors", "config", "geometry", "control", "sim", "nodes"},
    "cli": {
        "provenance",
        "package_files",
        "types",
        "errors",
        "config",
        "geometry",
        "sim",
        "pipeline",
        "nodes",
        "bringup",
        "training",
        "depth_training",
    },
}
ROS = ("rclpy", "launch", "cv_bridge", "tf2_ros", "ament_index_python", "depth_pc_interfaces")


def imports(path: Path) -> set[str]:
    """Dotted names of all modules a file imports, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module)
    return names


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    own = part(path)
    if own == "__init__":
        assert not any(name.startswith("depth_pc_ros") for name in imports(path))
        return
    used = {name.split(".")[1] for name in imports(path) if name.startswith("depth_pc_ros.")}
    assert used - {own} <= ALLOWED[own], f"{path.name} imports {sorted(used - {own} - ALLOWED[own])}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_nodes_and_bringup_import_ros(path):
    if part(path) in ("nodes", "bringup"):
        return
    for name in imports(path):
        top = name.split(".")[0]
        if (part(path), top) == ("package_files", "ament_index_python"):
            continue  # only asked where it is there
        assert top not in ROS, f"{path.name} imports {name}"
        assert not top.endswith(("_msgs", "_srvs")), f"{path.name} imports {name}"


def test_every_file_says_what_it_is():
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no module docstring"
