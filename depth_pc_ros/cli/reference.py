"""`reference`: writes `config/*.yaml` and the parameter page of the documents from the options in the code."""

import argparse
import dataclasses
import inspect
import sys
import textwrap
from dataclasses import Field
from pathlib import Path

import yaml

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.user_params import SET_AT_START_UP
from depth_pc_ros.config import RENAMED, Config, ControlConfig, MatcherConfig
from depth_pc_ros.nodes.node_configs import NAMESPACE, NODE_CONFIGS, NodeConfig
from depth_pc_ros.options import allowed, describe

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "python -m depth_pc_ros.cli.reference"
PAGE = "docs/reference/parameters.md"
_LAST_OF_MATCHER, _LAST_OF_CONTROL = ([*config.__dataclass_fields__][-1] for config in (MatcherConfig, ControlConfig))
_INTRODUCTION = f"""\
# Parameters

This page is generated from the code by `{COMMAND}`. Every option is declared once, in
`depth_pc_ros/config.py` or `depth_pc_ros/nodes/node_configs.py`.

- A **start-up option** is a launch argument (`max_linear:=0.1`) and a flag of `bringup` (`--max-linear 0.1`).
- A **node parameter** is a key in a parameter file and a ROS parameter.
- The parameters of `keypoints` down to `{_LAST_OF_MATCHER}`, and of `controller` down to `{_LAST_OF_CONTROL}`, are also
  keywords of `ServoPipeline.from_config`.

## Your own parameter file

Give one file with a section for each node, and only what differs from the defaults:

```yaml
# my_robot.yaml
controller:
  max_linear: 0.1
  actuation_delay_s: 0.08
adapter:
  max_linear: 0.15
```

```sh
ros2 launch depth_pc_ros servo.launch.py params:=my_robot.yaml
bringup --params my_robot.yaml
```

A section may also be named as in other ROS parameter files (`{NAMESPACE}/controller`, `/**/controller` or `/**`,
with `ros__parameters`); one that names a node overrides one with wildcards. The file overrides the defaults, and the
start-up options that you give override the file. It is checked before anything starts: an unknown section or key, a
section of another namespace than the one to start, a value of another type or outside its range, and a key given twice
are errors.
"""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description=f"Write config/*.yaml and {PAGE} from the options that the code declares.",
        epilog="exit code: 0 done, or all files are up to date; 1 a file is not (--check)",
    )
    parser.add_argument("--check", action="store_true", help="Write nothing; name the files that are out of date.")
    return parser


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    stale = [name for name, text in files().items() if not _is_file_with(ROOT / name, text)]
    if arguments.check:
        for name in stale:
            print(f"reference: {name} is out of date; write it with: {COMMAND}", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files()[name], encoding="utf-8")
        print(f"wrote {name}")
    return 0


def files() -> dict[str, str]:
    """Path in the source tree -> text of every file that is made from the options."""
    return {**{f"config/{node}.yaml": parameter_file(node) for node in NODE_CONFIGS}, PAGE: page()}


def parameter_file(node: str) -> str:
    """The parameter file of a node: the defaults, each with its help, without what start-up sets."""
    config = NODE_CONFIGS[node]
    fixed = [name for name in SET_AT_START_UP[node] if name in config.__dataclass_fields__]
    head = [*filter(None, inspect.getdoc(config).splitlines())]
    head.append(f"These are the defaults, written by `{COMMAND}`. Give your own values in a file for `params`.")
    if fixed:
        head.append(f"Start-up options set the rest: {', '.join(fixed)}.")
    lines = [line for text in head for line in _comment(text, "")]
    lines += [f"/**/{node}:  # in any namespace", "  ros__parameters:"]
    for field in _fields(config):
        if field.name not in fixed:
            lines += _comment(describe(field), "    ")
            lines.append(f"    {field.name}: {_value(field.default)}")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The reference page of all options, Markdown."""
    parts = [_INTRODUCTION, "## Start-up options\n"]
    parts.append(_table("option", list(dataclasses.fields(BringupConfig)), {}))
    for node, config in NODE_CONFIGS.items():
        parts.append(f"## Node `{node}`\n\n{inspect.getdoc(config)}\n")
        parts.append(_table("parameter", _fields(config), SET_AT_START_UP[node]))
    parts.append("## Renamed\n\nThe old name is refused with an error that gives the new one.\n")
    parts.append("| old | new |\n|---|---|\n" + "".join(f"| `{old}` | `{new}` |\n" for old, new in RENAMED.items()))
    return "\n".join(parts)


def _fields(config: type[Config]) -> list[Field]:
    """The options of a node; the one that all nodes have is last."""
    return sorted(dataclasses.fields(config), key=lambda field: field.name in NodeConfig.__dataclass_fields__)


def _table(what: str, fields: list[Field], set_at_start_up: dict[str, str]) -> str:
    rows = [f"| {what} | default | allowed | meaning |", "|---|---|---|---|"]
    for field in fields:
        meaning = field.metadata["help"]
        if field.name in set_at_start_up:
            meaning += f" Follows from the start-up option `{set_at_start_up[field.name]}`."
        default = "" if field.default in (None, "") else f"`{_value(field.default)}`"
        rows.append(f"| `{field.name}` | {default} | {allowed(field)} | {meaning} |")
    return "\n".join(rows) + "\n"


def _value(value) -> str:
    """The value as YAML writes it, on one line."""
    value = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n").removesuffix("\n...")


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, 120, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _is_file_with(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    raise SystemExit(main())
