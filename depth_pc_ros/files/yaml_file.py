"""YAML: its plain part. No anchors, aliases, merge keys or tags of other types, so a small file stays small."""

import re
from pathlib import Path
from typing import Any

import yaml

from depth_pc_ros.errors import DepthPcError, FileError, shown
from depth_pc_ros.files.raw import read_text

MAX_BYTES = 256_000
MAX_DEPTH = 20
MAX_DIGITS = 40  # of a number; a double has 17
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map")}


def read_yaml(path: str | Path, what: str, error: type[DepthPcError] = FileError) -> dict[str, Any]:
    """The mapping that a YAML file holds; empty for an empty file."""
    text = read_text(path, f"{what} {path}", MAX_BYTES, error)
    try:
        values = yaml.load(text, _PlainLoader)
    except yaml.MarkedYAMLError as problem:
        line = f"line {problem.problem_mark.line + 1}: " if problem.problem_mark else ""
        raise error(f"{what} {path}: {line}{problem.problem}") from None
    except yaml.YAMLError as problem:  # such as a character that may not be in a text
        raise error(f"{what} {path}: {shown(problem, 200)}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise error(f"{what} {path}: expected a mapping of keys, got {type(values).__name__}")
    return values


class _PlainLoader(yaml.SafeLoader):
    """Refuses what would let a file grow, or mean something else than it looks like."""

    def __init__(self, stream):
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _refused("anchors and aliases are not supported", event)
        if self._depth >= MAX_DEPTH:
            raise _refused(f"expected at most {MAX_DEPTH} levels, it is nested deeper", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node.tag not in _TAGS:
            raise _refused(f"expected plain text, number, list or mapping, got {shown(node.tag)}", node)
        return node

    def construct_object(self, node, deep=False):
        if isinstance(node, yaml.ScalarNode) and node.tag in _NUMBERS and len(node.value) > MAX_DIGITS:
            raise _refused(f"expected a number of at most {MAX_DIGITS} digits, got one of {len(node.value)}", node)
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError, ArithmeticError):  # a tag on something else, such as `!!int word`
            raise _refused(f"expected {node.tag.rpartition(':')[2]}, got {shown(node.value)}", node) from None

    def construct_mapping(self, node, deep=False):
        """Refuses a duplicate key; YAML would silently keep the last one."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused("expected a text or a number as a key", key)
            if key.value in seen:
                raise _refused(f"duplicate key {shown(key.value)}", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_NUMBERS = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
# PyYAML takes `1e-1` for a text; ROS 2, as YAML 1.2, for a number.
_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def _refused(problem: str, at) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, at.start_mark)
