"""Fuzz targets: one per reader. A target takes any bytes; only a `DepthPcError` of one line may come out of it.

`TARGETS` maps a name to the target and its corpus of valid inputs. `fuzz_run.py` runs them for minutes,
`test_fuzz_targets.py` for seconds.
"""

import atexit
import contextlib
import functools
import hashlib
import io
import itertools
import os
import shutil
import tempfile
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from json import dumps as dump
from pathlib import Path

import fuzz_corpus as corpus
import numpy as np
from PIL import Image

from depth_pc_ros.benchmark import tables
from depth_pc_ros.benchmark.episodes import load_episodes
from depth_pc_ros.benchmark.recordings.source import read_sequences
from depth_pc_ros.benchmark.results import FILE_NAME, read_results
from depth_pc_ros.benchmark.settings import E_GENERIC, E_IMAGE, Settings
from depth_pc_ros.benchmark.trial import STAGES
from depth_pc_ros.bringup.user_params import read_user_params
from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.files.array_file import read_array, read_arrays
from depth_pc_ros.files.bag_file import BagFile
from depth_pc_ros.files.camera_info_file import read_camera_info
from depth_pc_ros.files.image_file import decode_image, read_grey16, read_image
from depth_pc_ros.files.json_file import read_json
from depth_pc_ros.files.route_file import MANIFEST, read_route
from depth_pc_ros.files.video_file import VideoFile
from depth_pc_ros.nodes.message_values import rectifier_from_info
from depth_pc_ros.replay.topics import find_camera
from depth_pc_ros.sim.mesh import indexed, plain, read_collision, read_obj
from depth_pc_ros.sim.simplify import simplify
from depth_pc_ros.sim.ycb import read_model
from depth_pc_ros.webcam.known_camera import camera_from_file


@dataclass(frozen=True)
class Target:
    """run: takes any bytes. seeds: valid inputs, which raise nothing."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


@functools.cache
def folder() -> Path:
    """Where the inputs are written as files: in memory where that can be."""
    path = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def written(name: str, data: bytes) -> Path:
    path = folder() / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def only_typed_errors(run: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The same, which swallows the errors that are allowed."""

    @functools.wraps(run)
    def target(data: bytes) -> None:
        try:
            run(data)
        except DepthPcError as error:
            if "\n" in str(error) or len(str(error)) > 2000:
                raise AssertionError(f"more than a line: {error}") from error

    return target


def yaml(data: bytes) -> None:
    path = written("params.yaml", data)
    with contextlib.suppress(DepthPcError):
        PipelineConfig.load(path)
    read_user_params(path)


def camera_info(data: bytes) -> None:
    camera_from_file(written("camera.yaml", data), (640, 480))
    rectifier_from_info(read_camera_info(written("camera.yaml", data)))


def video(data: bytes) -> None:
    reader = VideoFile(written("video", data))
    for _, rgb in itertools.islice(reader.frames(), 50):
        assert rgb.shape[1::-1] == reader.size


def json(data: bytes) -> None:
    read_json(written("value.json", data), "json")


def scene(data: bytes) -> None:
    path = written("scenes.json", data)
    environment = E_IMAGE if E_IMAGE.encode() in data else E_GENERIC
    load_episodes(path, Settings(environment=environment))


def obj(data: bytes) -> None:
    vertices, uvs, normals, corners = read_obj(written("mesh.obj", data))
    mesh = indexed(vertices, uvs, normals, corners, plain((1, 0, 0)))
    assert np.isfinite(mesh.vertices).all()
    assert np.isfinite(mesh.normals).all()
    if len(corners) < 200 and (corners[..., :2] >= 0).all():
        simplify(vertices, uvs, corners[..., 0], corners[..., 1], 2)


def stl(data: bytes) -> None:
    read_collision(written("collision.stl", data))


def urdf(data: bytes) -> None:
    written("model/textured.obj", corpus.CUBE.encode())
    written("model/collision.stl", corpus.stl())
    written("model/model.urdf", data)
    model = read_model(folder(), "model")
    assert model.mesh.resolve().is_relative_to((folder() / "model").resolve())
    assert np.isfinite(model.origin_m).all()


def image(data: bytes) -> None:
    path = written("image", data)
    with contextlib.suppress(DepthPcError):
        assert read_grey16(path, "depth").dtype == np.uint16
    pixels = read_image(path, "image")
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3


def npy(data: bytes) -> None:
    assert read_array(written("array.npy", data), "depth").dtype.kind in "biuf"


def npz(data: bytes) -> None:
    assert read_arrays(written("arrays.npz", data), "cache", ("points",))["points"].dtype.kind in "biuf"


def route(data: bytes) -> None:
    written("route/001.png", corpus.images()[0])
    views = read_route(written(f"route/{MANIFEST}", data).parent)
    assert views[0].image.shape[:2] == (views[0].camera.height, views[0].camera.width)


def results(data: bytes) -> None:
    suffix = ".xz" if data[:6] == b"\xfd7zXZ\x00" else ".gz" if data[:2] == b"\x1f\x8b" else ""
    for old in (folder() / "results").glob("*"):
        old.unlink()
    found = read_results(written(f"results/{FILE_NAME}{suffix}", data).parent)
    if found.trials or found.answers:
        page = tables.markdown([found])
        assert len({line.count("|") - line.count(r"\|") for line in page.splitlines() if line.startswith("|")}) == 1
        tables.terminal(found)


@functools.cache
def recording_folder(name: str) -> Path:
    for file, content in corpus.recording_files().items():
        path = folder() / f"recording-{name}" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder() / f"recording-{name}"


def recording(data: bytes) -> None:
    names = list(corpus.RECORDINGS)
    name = names[data[0] % len(names)] if data else names[0]
    format, file, _ = corpus.RECORDINGS[name]
    root = recording_folder(name)
    (root / file).write_bytes(data[1:])
    for sequence in read_sequences(root, format):
        assert all(line.isprintable() and len(line) < 2000 for line in sequence.problems)
        for frame in sequence.frames[:2]:
            rgb, depth_m = frame.load()
            assert rgb.shape[1::-1] == frame.intrinsics.size
            assert depth_m is None or depth_m.shape == rgb.shape[:2]


def bag(data: bytes) -> None:
    name = "bag.db3" if data.startswith(b"SQLite") else "bag.mcap"
    with BagFile(written(name, data)) as found:
        with contextlib.suppress(DepthPcError):
            find_camera(found)
        for logged in found.logged(found.kinds):
            logged.read()


class Fields:
    """Takes the fields of a message from bytes, in order; zeros follow their end."""

    def __init__(self, data: bytes):
        self._data, self._at = data, 0

    def bytes(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        self._at += count
        return part.ljust(count, b"\0")

    def rest(self) -> bytes:
        return self._data[self._at :]

    def whole(self, limit: int) -> int:
        return int.from_bytes(self.bytes(4), "little") % limit

    def numbers(self, count: int) -> list[float]:
        return np.frombuffer(self.bytes(8 * count), "<f8").tolist()

    def one_of(self, choices):
        return choices[self.bytes(1)[0] % len(choices)]


_ENCODINGS = (
    "rgb8 bgr8 rgba8 bgra8 mono8 8UC1 8UC3 32FC1 16UC1 mono16 bayer_rggb8 x rgba16 bayer_grbg16 uyvy yuyv nv12"
).split()
_FORMATS = ("jpeg", "32FC1; compressedDepth png", "16UC1; compressedDepth png", "bayer_rggb8; png compressed ", "x")
_MODELS = ("plumb_bob", "rational_polynomial", "equidistant", "fisheye", "", "x")


def messages(data: bytes) -> None:
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image

    from depth_pc_interfaces.msg import KeypointMatches, ServoGoal
    from depth_pc_ros.nodes import conversions

    take = Fields(data)
    which = take.whole(7)
    info = CameraInfo(width=take.whole(200), height=take.whole(200), distortion_model=take.one_of(_MODELS))
    info.k, info.p = take.numbers(9), take.numbers(12)
    info.d = array("d", take.numbers(take.whole(16)))
    info.binning_x, info.roi.width = take.whole(3), take.whole(200)
    info.roi.height = info.roi.width
    picture = Image(width=take.whole(200), height=take.whole(200), encoding=take.one_of(_ENCODINGS))
    picture.step, picture.is_bigendian = take.whole(1000), take.whole(2)
    if which < 4:
        picture.data = array("B", take.rest())
    if which == 0:
        conversions.image_to_rgb(picture)
    elif which == 1:
        conversions.depth_to_metres(picture)
        conversions.relative_depth_from_image(picture)
    elif which == 2:
        conversions.mask_from_image(picture)
    elif which == 3:
        conversions.rectifier_from_info(info, rectified=bool(picture.is_bigendian))
    elif which == 6:
        format, convert = take.one_of(_FORMATS), take.one_of((conversions.image_to_rgb, conversions.depth_to_metres))
        convert(CompressedImage(format=format, data=array("B", take.rest())))
    elif which == 4:
        goal = ServoGoal(camera_info=info, keypoints=take.numbers(take.whole(20)), distance=take.numbers(1)[0])
        conversions.goal_from_msg(goal)
    else:
        count = take.whole(20)
        points = take.numbers(take.whole(40))
        matched = [byte % 2 == 1 for byte in take.bytes(count)]
        conversions.matches_from_msg(
            KeypointMatches(current_points=points, matched=matched, scores=[0.5] * take.whole(20))
        )  # fmt: skip


def _message_seeds() -> list[bytes]:
    """One per kind of message: a pinhole camera, and a picture of 4 x 3 pixels."""

    def whole(*numbers: int) -> bytes:
        return b"".join(number.to_bytes(4, "little") for number in numbers)

    k = np.array([50, 0, 2, 0, 50, 1.5, 0, 0, 1.0])
    p = np.insert(k.reshape(3, 3), 3, 0, axis=1)
    png = io.BytesIO()
    Image.fromarray(np.full((3, 4), 600, np.uint16)).save(png, "PNG")
    seeds = []
    for which, encoding in enumerate([0, 7, 4, 0, 0, 0, 0]):
        camera = whole(4, 3) + b"\0" + k.tobytes() + p.tobytes() + whole(5) + bytes(40) + whole(0, 0)
        size = (3, 4, 1)[which] if which < 3 else 1
        image = whole(4, 3) + bytes([encoding]) + whole(4 * size, 0)
        tail = {
            4: whole(4) + np.ones(4).tobytes() + np.array(0.6).tobytes(),
            5: whole(1, 2) + np.ones(2).tobytes() + b"\1" + whole(1),
            6: b"\2\1" + bytes(12) + png.getvalue(),
        }
        seeds.append(whole(which) + camera + image + tail.get(which, bytes(12 * size)))
    return seeds


def _result_seeds() -> list[bytes]:
    T = np.eye(4).tolist()
    numbers = (
        "te_mm re_deg start_te_mm start_re_deg steps peak_linear_m_s peak_angular_rad_s path_m matches_min "
        "matches_median wall_s load_s step_ms_mean step_ms_p95 rss_mb"
    )
    trace = {"step": [0], "error_px": [None], "te_mm": [2.0], "re_deg": [1.0], "position": [[0.0, 0.0, 0.6]]}
    trial = {
        "episode": "dev/S/000", "level": "S", "method": "pbvs", "label": "pbvs", "settings": "", "outcome": "success",
        "message": "", **dict.fromkeys(numbers.split(), 1), "stages_s": dict.fromkeys(STAGES, 0.5), "trace": trace,
        **{f"T_world_{name}": T for name in ("start", "goal", "final")},
    }  # fmt: skip
    answer = {
        "pair": "dev/000", "method": "pbvs", "label": "pbvs", "settings": "", "goal": "a/0", "live": "a/1",
        "outcome": "off", "cause": "mixed", "message": "", "matches": 1, "inliers": 1, "overlap": 0.5,
        **dict.fromkeys(("rotation_deg", "baseline", "distance_m", "wall_s"), 1.0),
        **dict.fromkeys(("re_deg", "te_share", "translation_deg", "scale", "way_deg", "right_share")),
    }  # fmt: skip
    return corpus.results(trial, answer)


def _route_seeds() -> list[bytes]:
    image = corpus.images()[0]
    height, width = decode_image(image, "seed", upright=False).shape[:2]
    zeros = {"d": [0.0] * 5, "k": [1.0] * 9, "r": [0.0] * 9, "p": [0.0] * 12}
    camera = {"width": width, "height": height, "distortion_model": "plumb_bob", **zeros}
    view = {"image": "001.png", "sha256": hashlib.sha256(image).hexdigest(), "camera": camera}
    more = {"distance_m": 0.6, "pause_s": 2.0, "joints": {"joint_1": 0.1}}
    return [dump({"version": 1, "views": views}).encode() for views in ([view], [view, {**view, **more}])]


TARGETS = {
    "yaml": Target(yaml, lambda: [corpus.YAML.encode()]),
    "camera_info": Target(camera_info, lambda: [corpus.CAMERA_INFO.encode()]),
    "json": Target(json, corpus.json_texts),
    "scene": Target(scene, corpus.scenes),
    "obj": Target(obj, lambda: [corpus.CUBE.encode()]),
    "stl": Target(stl, lambda: [corpus.stl()]),
    "urdf": Target(urdf, lambda: [corpus.URDF.encode()]),
    "image": Target(image, corpus.images),
    "video": Target(video, corpus.videos),
    "npy": Target(npy, corpus.arrays),
    "npz": Target(npz, corpus.archives),
    "route": Target(route, _route_seeds),
    "results": Target(results, _result_seeds),
    "recording": Target(recording, corpus.recordings),
    "messages": Target(messages, _message_seeds),
    "bag": Target(bag, corpus.bags),
}
