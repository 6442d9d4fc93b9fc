"""The rules of ARCHITECTURE.md that can be read off the import lines."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "depth_pc_ros"
FILES = sorted(PACKAGE.rglob("*.py"))

# What each part may import of the package, besides itself.
ALLOWED = {
    "types": {"errors", "geometry"},
    "errors": set(),
    "files": {"errors", "extras"},
    "extras": {"errors"},
    "provenance": set(),
    "html_page": set(),
    "package_files": {"errors"},
    "config": {"errors", "files"},
    "options": {"config"},
    "geometry": {"errors", "config"},
    "perception": {"files", "extras", "types", "errors", "config", "geometry", "package_files"},
    "pose": {"errors", "geometry"},
    "control": {"types", "errors", "config", "geometry", "pose", "graph", "networks", "package_files"},
    "graph": {"errors"},
    "networks": {"files", "errors", "config", "graph"},
    "training": {"files", "extras", "errors", "config", "geometry", "sim", "graph", "networks"},
    "depth_training": {"extras", "errors", "config", "geometry", "perception", "sim", "training"},
    "pair_training": {
        "extras",
        "errors",
        "config",
        "geometry",
        "networks",
        "training",
        "depth_training",
        "sim",
        "benchmark",
    },
    "sim": {"files", "extras", "types", "errors", "geometry"},
    "view": {"extras", "types", "errors"},
    "pipeline": {"types", "errors", "config", "geometry", "perception", "control"},
    "webcam": {"files", "types", "errors", "config", "geometry", "perception", "control", "view"},
    "benchmark": {
        "files",
        "html_page",
        "options",
        "provenance",
        "extras",
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
        "training",
    },
    "replay": {
        "files",
        "options",
        "types",
        "errors",
        "config",
        "geometry",
        "perception",
        "control",
        "nodes",
    },
    "nodes": {
        "files",
        "options",
        "extras",
        "package_files",
        "types",
        "errors",
        "config",
        "geometry",
        "perception",
        "control",
        "sim",
        "view",
        "pipeline",
    },
    "bringup": {
        "files",
        "options",
        "package_files",
        "types",
        "errors",
        "config",
        "geometry",
        "control",
        "sim",
        "nodes",
    },
    "cli": {
        "files",
        "html_page",
        "options",
        "provenance",
        "extras",
        "package_files",
        "types",
        "errors",
        "config",
        "geometry",
        "sim",
        "view",
        "webcam",
        "pipeline",
        "nodes",
        "bringup",
        "training",
        "depth_training",
        "pair_training",
        "perception",
        "replay",
    },
}
ROS = ("rclpy", "launch", "cv_bridge", "tf2_ros", "ament_index_python", "depth_pc_interfaces")


# Files of nodes/ and bringup/ that must do without ROS, also in what they import of the package.
WITHOUT_ROS = (
    "nodes/node_configs.py",
    "bringup/bringup_config.py",
    "bringup/user_params.py",
    "bringup/node_table.py",
    "bringup/check_report.py",
    "bringup/gazebo_config.py",
    "bringup/gazebo_files.py",
    "nodes/pose_track.py",
    "replay/of_servo.py",
    "replay/of_images.py",
)

# Names that several configurations declare, because they mean different things there.
HOMONYMS = {
    "model": "weights of the control law; network of estimated depth",
    "rate_hz": "commands per second; images per second",
    "renderer": "asked for (`auto` among others); the one in use, kept with the results",
    "scene": "of the simulation; kind of objects in an episode of the benchmark",
    "short_side": "of the image in use; of the image in the first phase of training",
    "source": "of depth; of the episodes of a benchmark",
    "width": "of the image; of a network",
}
# Flags with the name of an option, which mean something else.
OTHER_FLAGS = {
    ("cli/set_goal.py", "depth"): "file with the depth of the goal image",
    ("cli/set_goal.py", "mask"): "file with the mask of the goal image; the option is the node's, for all goals",
    ("cli/webcam.py", "camera_info"): "file with the camera; the option is a topic",
    ("cli/webcam.py", "goal"): "an image, or a picture of the video; the option of replay is a goal of a bag",
    ("benchmark/arguments.py", "address"): "of the scheduler of a cluster; the option is the page's",
    ("benchmark/__main__.py", "frames"): "images to measure",
    ("nodes/transport_probe.py", "frames"): "images to send",
}


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


def test_no_module_imports_itself_through_others():
    modules = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in FILES}
    needs = {}
    for name, path in modules.items():
        froms = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        named = {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
        needs[name] = (imports(path) | named) & modules.keys()
    graphlib.TopologicalSorter(needs).prepare()  # raises CycleError, which names the circle


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


@pytest.mark.parametrize("name", WITHOUT_ROS)
def test_start_up_tables_do_without_ros(name):
    seen, waiting = set(), [PACKAGE / name]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        for module in imports(path):
            top = module.split(".")[0]
            if path.name != "package_files.py":
                assert top not in ROS, f"{path.name} imports {module}"
                assert not top.endswith(("_msgs", "_srvs")), f"{path.name} imports {module}"
            found = PACKAGE.parent / Path(*module.split(".")).with_suffix(".py")
            if found.is_file() and found not in seen:
                waiting.append(found)


def declared_options() -> dict[str, list[str]]:
    """Option -> the configurations that declare it with `option(...)`."""
    places = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for field in node.body if isinstance(node, ast.ClassDef) else ():
                call = field.value if isinstance(field, ast.AnnAssign) else None
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "option":
                    places.setdefault(field.target.id, []).append(f"{path.relative_to(PACKAGE)}: {node.name}")
    return places


def own_flags() -> list[tuple[str, str]]:
    """File and option name of every flag that a file spells out, such as `add_argument("--depth-model", ...)`."""
    flags = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
                words = [word.value for word in node.args if isinstance(word, ast.Constant)]
                names = [word[2:].removeprefix("no-").replace("-", "_") for word in words if word.startswith("--")]
                flags += [(str(path.relative_to(PACKAGE)), name) for name in names]
    return flags


def test_no_option_is_declared_twice():
    twice = {name: places for name, places in declared_options().items() if len(places) > 1}
    assert {name: places for name, places in twice.items() if name not in HOMONYMS} == {}
    assert set(HOMONYMS) <= set(twice), "no longer declared twice"


def test_no_flag_repeats_an_option():
    options = declared_options()
    repeated = {flag for flag in own_flags() if flag[1] in options}
    assert sorted(repeated - set(OTHER_FLAGS)) == []
    assert set(OTHER_FLAGS) <= repeated, "no longer the name of an option"


def test_every_file_says_what_it_is():
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no module docstring"


def test_no_source_lets_a_model_bring_its_own_code():
    """Weights are safetensors, or read with `weights_only`; nothing is unpickled."""
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert "trust_remote_code=True" not in text, path
        assert not re.search(r"\bimport (pickle|dill|joblib|shelve|marshal)\b|allow_pickle=True", text), path
        for call in re.findall(r"(?<!safetensors\.)torch\.load\([^)]*\)", text):
            assert "weights_only=True" in call, path
        for call in re.findall(r"\.from_pretrained\((?:[^()]|\([^()]*\))*\)", text):
            assert "trust_remote_code=False" in call, path
            assert "use_safetensors=True" in call, path


READERS = (
    r"\b(json\.loads?|yaml\.(safe_)?load|cv2\.(imread|imdecode)|np\.(load|fromfile)|(?<!safetensors\.)torch\.load"
    r"|Image\.open|cv2\.VideoCapture|AnyReader)\("
)
NO_FILE = {"webcam/camera_device.py": "cv2.VideoCapture("}  # opens a device


def test_files_are_read_by_the_readers_of_files_only():
    for path in FILES:
        if path.parent.name != "files":
            found = {each[0] for each in re.finditer(READERS, path.read_text(encoding="utf-8"))}
            assert found <= {NO_FILE.get(str(path.relative_to(PACKAGE)))}, path.relative_to(PACKAGE)
