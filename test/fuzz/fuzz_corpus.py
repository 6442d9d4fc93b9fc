"""Small valid inputs of every fuzz target, made by code: what mutations start from."""

import gzip
import io
import json
import lzma
import tempfile
from pathlib import Path

import cv2
import numpy as np
from bags import camera_bag
from PIL import Image

from depth_pc_ros.benchmark.settings import E_GENERIC, E_IMAGE, E_REAL, Settings
from depth_pc_ros.files.video_file import WRITTEN, VideoWriter

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


CAMERA_INFO = """image_width: 640
image_height: 480
camera_name: left
camera_matrix: {rows: 3, cols: 3, data: [610.5, 0, 330, 0, 605, 228, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.21, 0.07, 0.001, -0.0015, 0]}
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


def videos() -> list[bytes]:
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix in WRITTEN:
            path = Path(folder) / f"video{suffix}"
            writer = VideoWriter(path, 10)
            for shift in range(3):
                writer.add(np.roll(picture(), shift, axis=1))
            writer.close()
            files.append(path.read_bytes())
    return files


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


def results(trial: dict, answer: dict) -> list[bytes]:
    """Plain and compressed files of trials, and one of a first answer. trial, answer: valid ones."""
    header = {"kind": "header", "version": 1, "settings": Settings().to_mapping()}
    real = {"kind": "header", "version": 1, "settings": Settings(environment=E_REAL).to_mapping()}
    words = {"command": "python -m depth_pc_ros.benchmark e_ycb", "commit": "a", "started": "b", "host": "c"}
    run = {"kind": "run", **words, "places": {"ycb_root": None}}
    text, answers = (
        "".join(json.dumps(row) + "\n" for row in rows).encode()
        for rows in ([header, run, {"kind": "trial", **trial}], [real, run, {"kind": "answer", **answer}])
    )
    return [text, lzma.compress(text), gzip.compress(text, mtime=0), answers]


# Of a recording: its format, the file that is mutated, and its content.
_EYE = "1 0 0 0.1\n0 1 0 0\n0 0 1 -0.6\n0 0 0 1\n"
_K = "40 0 16\n0 40 12\n0 0 1\n"
_CAMERA = {"fx": 40, "fy": 40.5, "cx": 16, "cy": 12, "width": 32, "height": 24}
_POSE = np.eye(4).tolist()
RECORDINGS: dict[str, tuple[str, str, str]] = {
    "list": ("folder", "poses.json", json.dumps({
        "camera": {**_CAMERA, "distortion": [0.1, 0, 0, 0]}, "depth_unit_m": 0.001,
        "frames": [{"image": "0.png", "depth": "depth.png", "T_world_cam": _POSE, "sequence": "a"}],
    })),
    "lines": ("folder", "poses.txt", "# a comment\n0.png 0.1 0 -0.6 0 0 0 1\n"),
    "camera": ("tum", "camera.json", json.dumps(_CAMERA)),
    "tum": ("tum", "groundtruth.txt", "0.01 0.1 0 -0.6 0 0 0 1\n"),
    "transforms": ("transforms", "transforms.json", json.dumps({
        "fl_x": 40, "fl_y": 40, "cx": 16, "cy": 12, "w": 32, "h": 24, "k1": 0.1, "camera_model": "OPENCV",
        "frames": [{"file_path": "0", "depth_file_path": "depth.png", "transform_matrix": _POSE}],
    })),
    "bop": ("bop", "scene_camera.json", json.dumps({"0": {
        "cam_K": [40, 0, 16, 0, 40, 12, 0, 0, 1], "cam_R_w2c": [1, 0, 0, 0, 1, 0, 0, 0, 1], "cam_t_w2c": [0, 0, 600],
        "depth_scale": 0.1,
    }})),
    "apc": ("apc", "cam.info.txt", f"# Color camera intrinsic\n{_K}# Depth camera intrinsic\n{_K}"
            f"# Depth-to-color\n{_EYE}# Camera-to-world frame-000000\n{_EYE}"),
    "pose": ("7scenes", "frame-000000.pose.txt", _EYE),
    "intrinsics": ("7scenes", "camera-intrinsics.txt", _K),
}  # fmt: skip


def recording_files() -> dict[str, bytes]:
    """What lies beside the mutated file, whichever it is."""
    image = cv2.imencode(".png", picture())[1].tobytes()
    depth = cv2.imencode(".png", picture()[..., 0].astype(np.uint16) + 400)[1].tobytes()
    images = ("0.png", "rgb/000000.png", "frame-000000.color.png")
    depths = ("depth.png", "0.depth.png", "depth/000000.png", "frame-000000.depth.png")
    texts = {"rgb.txt": b"0.0 0.png\n", "depth.txt": b"0.0 depth.png\n", "camera.json": json.dumps(_CAMERA).encode()}
    texts |= {"camera-intrinsics.txt": _K.encode(), "frame-000000.pose.txt": _EYE.encode()}
    texts["groundtruth.txt"] = RECORDINGS["tum"][2].encode()
    return {**dict.fromkeys(images, image), **dict.fromkeys(depths, depth), **texts}


def recordings() -> list[bytes]:
    """The first byte says which of RECORDINGS."""
    return [bytes([k]) + text.encode() for k, (_, _, text) in enumerate(RECORDINGS.values())]


def json_texts() -> list[bytes]:
    values = [{"a": [1, 2.5, None, True], "b": {"c": "d\u00e9"}}, [[[[1]]]], "text", 1e300, {}]
    return [json.dumps(value).encode() for value in values]


def bags() -> list[bytes]:
    """A camera's image and camera_info, as MCAP and as sqlite3."""
    with tempfile.TemporaryDirectory() as folder:
        small = [np.zeros((240, 320, 3), np.uint8)]
        made = [camera_bag(Path(folder, storage), small, storage, jpeg=True) for storage in ("mcap", "sqlite3")]
        return [next(file for file in bag.iterdir() if file.suffix != ".yaml").read_bytes() for bag in made]
