"""Reads and checks the user's own parameter file before anything starts. No ROS import."""

import re
from pathlib import Path

from depth_pc_ros.config import unknown_name
from depth_pc_ros.errors import ConfigError, shown
from depth_pc_ros.files.yaml_file import read_yaml
from depth_pc_ros.nodes.node_configs import NAMESPACE, NODE_CONFIGS

_CLOCK = {"use_sim_time": "use_sim_time"}
_DRIVER = {
    "profile": "driver",
    **{name: name for name in ("tool_frame", "base_frame", "command_frame", "angular_unit", "joints")},
}
# Parameters that follow from the options of a start-up, and those options: a parameter file must not contradict them.
SET_AT_START_UP = {
    "bridge": {
        **{name: name for name in ("scene", "seed", "level", "rig", "ycb_root", "lockstep")},
        **_CLOCK,
    },
    "keypoints": {"lockstep": "lockstep", **_CLOCK},
    "depth": {"source": "depth", **_CLOCK},
    "controller": {"lockstep": "lockstep", **_CLOCK},
    "adapter": {
        **_CLOCK,
        **_DRIVER,
        "hand_eye": "camera_in_tool",
        "camera_in_tool_xyz": "camera_in_tool",
        "camera_in_tool_quat": "camera_in_tool",
        "lockstep": "lockstep",
    },
    "dead_man": {**_CLOCK, **_DRIVER},
    "watch": {"address": "view_address", "port": "view_port", **_CLOCK},
}


def read_user_params(path: str | Path, namespace: str = NAMESPACE) -> dict[str, dict[str, object]]:
    """Node -> parameter -> value, of a YAML file with a section for each node.

    A section is named `controller`, or as ROS does (`/depth_pc/controller`, `/**`), with or without `ros__parameters`.
    A section of one node overrides one with wildcards. namespace: of the nodes, for sections that name it. Raises
    ConfigError, which names file, section and key.
    """
    where = f"params {path}"
    sections = read_yaml(path, "params", ConfigError)
    by_node = {name: {} for name in NODE_CONFIGS}
    owners: dict[str, str] = {}
    for section in sorted(sections, key=lambda section: "*" not in str(section)):  # wildcards first
        nodes = _nodes_of(section, namespace, where)
        values = _values_of(sections[section], f"{where}: section {shown(section)}")
        if "*" in section:
            _check_known(values, nodes, f"{where}: section {shown(section)}")
        else:
            (node,) = nodes
            if node in owners:
                raise ConfigError(f"{where}: sections {owners[node]!r} and {section!r} are of the same node")
            owners[node] = section
        for node in nodes:
            own = {key: value for key, value in values.items() if "*" not in section or key in _parameters(node)}
            by_node[node] |= _checked(node, own, f"{where}: section {shown(section)}")
    return by_node


def _nodes_of(section, namespace: str, where: str) -> list[str]:
    """The nodes that a section is for. Raises ConfigError for none."""
    if section in NODE_CONFIGS:
        return [section]
    words = re.split(r"(/?\*\*|\*)", str(section))
    pattern = "".join(
        {"/**": "(/[^/]+)*", "**": "(/[^/]+)*", "*": "[^/]+"}.get(word, re.escape(word)) for word in words
    )
    found = [name for name in NODE_CONFIGS if re.fullmatch(pattern, f"{namespace}/{name}")]
    if not found:
        known = [*NODE_CONFIGS, *(f"{namespace}/{name}" for name in NODE_CONFIGS), "/**"]
        raise ConfigError(f"{where}: {unknown_name('section', section, known)}")
    return found


def _values_of(section, where: str) -> dict[str, object]:
    """The parameters in a section, which may stand under `ros__parameters`. Raises ConfigError."""
    if isinstance(section, dict) and set(section) == {"ros__parameters"}:
        section = section["ros__parameters"]
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise ConfigError(f"{where}: expected a mapping of parameters, got {type(section).__name__} {shown(section)}")
    return section


def _check_known(values: dict[str, object], nodes: list[str], where: str) -> None:
    """Raise ConfigError for a key that none of the nodes has."""
    known = {key for node in nodes for key in _parameters(node)}
    for key in values:
        if key not in known:
            raise ConfigError(f"{where}: {unknown_name('key', key, sorted(known))}")


def _checked(node: str, values: dict[str, object], where: str) -> dict[str, object]:
    """The values as the node's configuration has them. Raises ConfigError."""
    for key, argument in SET_AT_START_UP[node].items():
        if key in values:
            raise ConfigError(f"{where}: {key} follows from the start-up option `{argument}`; give that instead")
    config = NODE_CONFIGS[node].from_mapping(values, where)
    return {key: getattr(config, key) for key in values}


def _parameters(node: str) -> set[str]:
    return {*NODE_CONFIGS[node].__dataclass_fields__, *SET_AT_START_UP[node]}
