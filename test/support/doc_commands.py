"""What the documents hold: their shell commands, code blocks and links. And what the nodes' source offers by name."""

import ast
import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
# Commands of code as it was on their day.
OF_THE_PAST = {DOCS / "experiments.md", *(DOCS / "results").glob("history*.md")}
PAGES = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "models").glob("*/README.md")),
    *sorted((ROOT / "benchmark_results").glob("README.md")),
    *sorted(DOCS.rglob("*.md")),
]
NODES = ROOT / "depth_pc_ros" / "nodes"
NAMESPACES = ("/depth_pc", "/left")  # of the servos in the documents
# Files that talk for a node, and whose they are. Those in drivers/ talk for the adapter; the dead man has their TOPIC.
HELPERS = {"servo_action": ["controller"], "gazebo_rigs": ["gazebo_bridge"]}
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_NAME = re.compile(r"python -m depth_pc_ros[\w.]+|ros2 run depth_pc_ros \w+")
_PROGRAMS = ("python -m depth_pc_ros", "scripts/", "ros2 ", "mkdocs ", "colcon ", "pip install")


def blocks(path: Path) -> list[tuple[str, str]]:
    """(language, text) of a page's code blocks; "" is the language of an indented block."""
    found, fence, lines, indented = [], None, [], []
    for line in [*path.read_text(encoding="utf-8").splitlines(), ""]:
        stripped = line.strip()
        if fence is not None:
            if stripped.startswith("```"):
                found.append((fence, "\n".join(lines)))
                fence = None
            else:
                lines.append(line)
        elif stripped.startswith("```"):
            fence, lines = stripped[3:].strip(), []
        elif line.startswith("    ") and stripped:
            indented.append(line[4:])
        elif indented:
            found.append(("", "\n".join(indented)))
            indented = []
    assert fence is None, f"{path}: a code block is not closed"
    return found


def prose(path: Path) -> str:
    """A page without its code blocks."""
    text = re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^    .*$", "", text, flags=re.MULTILINE)


def commands(path: Path) -> list[list[str]]:
    """The words of every shell command of a page: in shell blocks, and in the running text."""
    if path.name == "ARCHITECTURE.md":  # its indented blocks are drawings
        texts = []
    else:
        texts = [text for language, text in blocks(path) if language in ("", "bash", "shell", "sh")]
    inline = (" ".join(code.split()) for code in _INLINE.findall(prose(path)))
    for code in inline:
        if _NAME.fullmatch(code):  # only a name: that there is such a program is all to check
            texts.append(f"{code} --help")
        elif code.startswith(_PROGRAMS) and not re.fullmatch(r"ros2 \w+", code):
            texts.append(code)
    found, variables = [], {}
    for text in texts:
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and (assignment := re.fullmatch(r"(\w+)=(.*)", words[0])):
                variables[assignment[1]] = assignment[2]
                words = words[1:]
            if words:
                found.append([re.sub(r"\$(\w+)", lambda m: variables[m[1]], word) for word in words])
    return found


def links(path: Path) -> list[str]:
    """Targets of a page's links and pictures that are files, without anchors."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(path))
    return [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]


def interfaces() -> set[tuple[str, str, str]]:
    """(node, kind, name) of all topics, services and actions that the nodes' source makes.

    kind: publishes, subscribes, service, action or calls.
    """
    makers = {
        "create_publisher": "publishes",
        "create_lifecycle_publisher": "publishes",
        "create_subscription": "subscribes",
        "create_service": "service",
        "create_client": "calls",
        "RepeatedCall": "calls",
        "ActionServer": "action",
    }
    found = set()
    for path in sorted(NODES.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        own = re.search(r'super\(\).__init__\(\s*"(\w+)"', text)
        driver = path.parent.name == "drivers"
        nodes = ["adapter"] if driver else HELPERS.get(path.stem) or ([own[1]] if own else [])
        tree = ast.parse(text)
        named = [
            (target.id, each.value.value)
            for each in ast.walk(tree)
            if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant)
            for target in each.targets
            if isinstance(target, ast.Name)
        ]
        constants = dict(named)
        for call in (each for each in ast.walk(tree) if isinstance(each, ast.Call)):
            maker = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if maker not in makers or path.stem == "repeated_call":
                continue
            name = call.args[2 if maker in ("ActionServer", "RepeatedCall") else 1]
            if isinstance(name, ast.Constant):
                found |= {(node, makers[maker], name.value) for node in nodes}
            else:  # self.NAME, a constant of the class
                found |= {(node, makers[maker], constants[name.attr]) for node in nodes}
        senders = [*nodes, *(["dead_man"] if driver else [])]
        found |= {(node, "publishes", value) for key, value in named if key == "TOPIC" and value for node in senders}
    return {(node, kind, name) for node, kind, name in found if name != "/diagnostics"}


def full_names(kinds: set[str]) -> set[str]:
    """Names in the graph of ROS of all own interfaces (`~/name`) of these kinds, in each namespace of the documents."""
    own = {f"{node}/{name[2:]}" for node, kind, name in interfaces() if kind in kinds and name[:2] == "~/"}
    return {f"{namespace}/{name}" for namespace in NAMESPACES for name in own}
