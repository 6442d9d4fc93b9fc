"""The files of one start in Gazebo: `config/gazebo`, in the names of the release, with objects and pictures of a seed.

No ROS import.
"""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.bringup.gazebo_config import GazeboConfig
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.files.raw import read_text
from depth_pc_ros.files.xml_file import read_xml
from depth_pc_ros.package_files import config_file
from depth_pc_ros.sim import textures

OBJECTS = 8  # at most
RADIUS_M = 0.2  # the objects' centres lie so close to the world's origin
_SMALLEST_M, _LARGEST_M = (0.08, 0.055, 0.03), (0.14, 0.09, 0.10)  # edges of an object
_GAP_M = 0.005
_TRIES = 300  # for a free place
_TABLE_PX, _TABLE_CHIPS, _CHIP_PX = 1024, 3000, (2.0, 12.0)
_PX_PER_M = 4000.0  # of the objects' prints
_MAX_BYTES = 100_000

# Names of Harmonic, and those of Fortress in place of them; Fortress of 2022 does not know the new ones.
_IN_FORTRESS = {
    "gz-sim-": "ignition-gazebo-",
    "gz::sim::": "ignition::gazebo::",
    "gz_frame_id": "ignition_frame_id",
    "gz.msgs.": "ignition.msgs.",
    "gz_ros2_control-system": "ign_ros2_control-system",
    "gz_ros2_control::GazeboSimROS2ControlPlugin": "ign_ros2_control::IgnitionROS2ControlPlugin",
    "gz_ros2_control/GazeboSimSystem": "ign_ros2_control/IgnitionSystem",
}


def write_files(config: GazeboConfig, folder: Path) -> None:
    """Write `world.sdf` with `textures/`, `bridge.yaml`, and the rig, `free_camera.sdf` or `arm.urdf`, into a folder.

    Raises ConfigError where a file of the package is missing, OSError where the folder cannot be written.
    """
    (folder / "textures").mkdir(parents=True)
    rng = np.random.default_rng([config.seed, 5])
    _write_picture(folder / "textures" / "table.png", textures.terrazzo(rng, _TABLE_PX, _CHIP_PX, _TABLE_CHIPS))
    world = read_xml(_shipped("world.sdf"), "Gazebo's world", ConfigError)
    for i, (size_m, position_m, yaw_rad) in enumerate(_places(rng)):
        name = f"package_{i}"
        top_px = [round(_PX_PER_M * edge) for edge in size_m[:2]]
        _write_picture(folder / "textures" / f"{name}.png", textures.package_atlas(rng, [top_px])[0])
        world.find("world").append(_object(name, size_m, position_m, yaw_rad))
    ElementTree.indent(world)
    texts = {
        "world.sdf": ElementTree.tostring(world, encoding="unicode"),
        "bridge.yaml": _text(f"bridge_{config.rig}.yaml"),
    }
    if config.rig == "arm":
        texts["arm.urdf"] = _text("arm.urdf").replace("$CONTROLLERS", str(_shipped("controllers.yaml")))
    else:
        texts["free_camera.sdf"] = _text("free_camera.sdf")
    for name, text in texts.items():
        (folder / name).write_text(in_names_of(text, config.fortress), encoding="utf-8")


def in_names_of(text: str, fortress: bool) -> str:
    """A text with the names of Harmonic, in those of Fortress if it is that."""
    for name, old_name in _IN_FORTRESS.items() if fortress else ():
        text = text.replace(name, old_name)
    return text


def _places(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Size (3,), position (3,), both in m, and yaw in rad of the objects: on the table, z = 0, beside each other."""
    found, reaches_m = [], []
    for _ in range(OBJECTS):
        size_m = rng.uniform(_SMALLEST_M, _LARGEST_M)
        reach_m = np.hypot(*size_m[:2]) / 2
        for _ in range(_TRIES):
            radius_m, angle = RADIUS_M * np.sqrt(rng.uniform()), rng.uniform(-np.pi, np.pi)
            position_m = np.array([radius_m * np.cos(angle), radius_m * np.sin(angle), size_m[2] / 2])
            distances_m = [np.hypot(*(position_m - other)[:2]) for _, other, _ in found]
            if all(distance > reach_m + other + _GAP_M for distance, other in zip(distances_m, reaches_m)):
                found.append((size_m, position_m, rng.uniform(-np.pi, np.pi)))
                reaches_m.append(reach_m)
                break
    return found


def _object(name: str, size_m: np.ndarray, position_m: np.ndarray, yaw_rad: float) -> ElementTree.Element:
    """A printed box that stands still, as SDF."""
    size = " ".join(f"{edge:.4f}" for edge in size_m)
    x, y, z = position_m
    return ElementTree.fromstring(f"""\
<model name="{name}">
  <static>true</static>
  <pose>{x:.4f} {y:.4f} {z:.4f} 0 0 {yaw_rad:.4f}</pose>
  <link name="link">
    <collision name="body"><geometry><box><size>{size}</size></box></geometry></collision>
    <visual name="box">
      <geometry><box><size>{size}</size></box></geometry>
      <material>
        <ambient>1 1 1 1</ambient>
        <diffuse>1 1 1 1</diffuse>
        <specular>0 0 0 1</specular>
        <pbr>
          <metal>
            <albedo_map>textures/{name}.png</albedo_map>
            <metalness>0</metalness>
            <roughness>1</roughness>
          </metal>
        </pbr>
      </material>
    </visual>
  </link>
</model>""")


def _shipped(name: str) -> Path:
    path = config_file(f"gazebo/{name}")
    if path is None:
        raise ConfigError(f"gazebo: the package's file config/gazebo/{name} is missing; install the package again")
    return path


def _text(name: str) -> str:
    return read_text(_shipped(name), f"gazebo: config/gazebo/{name}", _MAX_BYTES, ConfigError)


def _write_picture(path: Path, rgb: np.ndarray) -> None:
    """rgb: (H, W, 3) uint8. Raises OSError."""
    if not cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)):
        raise OSError(f"cannot write {path}")
