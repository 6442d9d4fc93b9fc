"""Small valid inputs of every fuzz target, made by code: what mutations start from."""

import gzip
import io
import json
import lzma

import cv2
import numpy as np
from PIL import Image

from depth_pc_ros.benchmark.settings import E_GENERIC, E_IMAGE, Settings

CUBE = "mtllib cube.mtl\nv 0 0 0\nv 0.1 0 0\nv 0.1 0.1 0\nv 0 0.1 0.1\nvt 0 0\nvt 1 0\nvt 1 1\nvn 0 0 1\n"
CUBE += "f 1/1/1 2/2/1 3/3/1\nf 1/1 3/2 -1/3\nf 1//1 2//1 4//1 3//1\n# end\n"
URDF = """<robot name="x"><link name="base_link">
<visual><origin xyz="0 0 0.1"/><geometry><mesh filename="textured.obj"/></geometry></visual>
<collision><geometry><mesh filename="collision.stl"/></geometry></collision>
<inertial><mass value="0.2"/></inertial></link></robot>"""
YAML = """# of a robot
controller: {max_linear: 0.1, gain: 1e0, speed: limited, find_scale: false}
/**:
  ros__parameters:
    autostart: true
/depth_pc/adapter:
  ros__parameters: {max_linear: 0.2, rate_hz: 100}
"""


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)


def images() -> list[bytes]:
    small = picture()
    files = [cv2.imencode(suffix, small)[1].tobytes() for suffix in (".png", ".jpg", ".bmp", ".ppm", ".webp", ".tiff")]
    files.append(cv2.imencode(".png", (small[..., 0].astype(np.uint16) + 400))[1].tobytes())
    turned, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(small).save(turned, "JPEG", exif=exif, progressive=True)
    palette = io.BytesIO()
    Image.fromarray(small).quantize(16).save(palette, "PNG")
    return [*files, turned.getvalue(), palette.getvalue()]


def arrays() -> list[bytes]:
    files = []
    for array in (np.full((4, 5), 0.7, np.float32), np.asfortranarray(np.ones((3, 2))), np.arange(6, dtype=">u2")):
        file = io.BytesIO()
        np.save(file, array)
        files.append(file.getvalue())
    return files


def archives() -> list[bytes]:
    files = []
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, points=np.ones((20, 3), np.float32))
        files.append(file.getvalue())
    return files


def stl() -> bytes:
    corners = np.zeros(2, np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")]))
    corners["corners"] = [np.eye(3), np.eye(3)[::-1]]
    return bytes(80) + len(corners).to_bytes(4, "little") + corners.tobytes()


def scenes() -> list[bytes]:
    """One file of episodes in a scene, one of a photograph; `fuzz_targets` reads both."""
    body = {"asset": "package", "position_m": [0, 0, 0.03], "quaternion_xyzw": [0, 0, 0, 1],
            "size_m": [0.1, 0.08, 0.06], "texture_seed": 3}  # fmt: skip
    model = {**body, "asset": "pybullet/duck_vhacd.urdf", "size_m": None}
    place = {"kind": "default", "seed": 1, "bodies": [body, model], "table": "terrazzo", "table_seed": 2,
             "centre": [0, 0, 0.04]}  # fmt: skip
    photo = {"name": "a.png", "width_m": 1.0, "centre": [0, 0, 0]}
    files = []
    for environment, level, here in ((E_GENERIC, "S", place), (E_IMAGE, "P", photo)):
        T = np.eye(4)
        T[2, 3] = 0.6
        episode = {"id": f"dev/{level}/000", "level": level, "seed": 5, "T_world_goal": T.tolist(),
                   "T_world_start": T.tolist(), "place": here}  # fmt: skip
        header = {"version": 1, "environment": environment, "split": "dev", "seed": 0, "scene": "standard",
                  "base": "standard"}  # fmt: skip
        files.append(json.dumps({**header, "episodes": [episode]}).encode())
    return files


def results(trial: dict) -> list[bytes]:
    """Plain and compressed files of trials. trial: a valid one."""
    header = {"kind": "header", "version": 1, "settings": Settings().to_mapping()}
    words = {"command": "python -m depth_pc_ros.benchmark e_ycb", "commit": "a", "started": "b", "host": "c"}
    run = {"kind": "run", **words, "places": {"ycb_root": None}}
    rows = [header, run, {"kind": "trial", **trial}]
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return [text, lzma.compress(text), gzip.compress(text, mtime=0)]


def json_texts() -> list[bytes]:
    values = [{"a": [1, 2.5, None, True], "b": {"c": "d\u00e9"}}, [[[[1]]]], "text", 1e300, {}]
    return [json.dumps(value).encode() for value in values]
