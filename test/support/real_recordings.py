"""Recordings made up for the tests: views of a textured plane with their poses, written in every format."""

import json
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics

CAMERA = Intrinsics(600.0, 605.0, 310.0, 245.0, 640, 480)
_OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])


class Shots:
    """poses: (4, 4) each. images: (H, W, 3) uint8 RGB. depths_m: (H, W) float32, 0 in one corner."""

    def __init__(self, plane, count: int, spread: float = 0.25, camera: Intrinsics = CAMERA):
        self.camera = camera
        rng = np.random.default_rng(5)
        self.poses = []
        for _ in range(count):
            eye = np.array([*rng.uniform(-spread, spread, 2), rng.uniform(0.6, 0.75)])
            T = se3.look_at(eye, np.array([*rng.uniform(-0.05, 0.05, 2), 0.0]), np.array([0.0, 1.0, 0.0]))
            T[:3, :3] = T[:3, :3] @ se3.exp_so3(np.array([0.0, 0.0, rng.uniform(-0.4, 0.4)]))
            self.poses.append(T)
        self.images = [plane.view(T, camera) for T in self.poses]
        self.depths_m = [plane.depth(T, camera) for T in self.poses]
        for depth_m in self.depths_m:
            depth_m[:40, :40] = 0


def _picture(path: Path, image: np.ndarray) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path.name


def _depth(path: Path, depth_m: np.ndarray, unit_m: float) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.rint(depth_m / unit_m).astype(np.uint16))
    return path.name


def _seven(T: np.ndarray) -> str:
    return " ".join(f"{v:.9f}" for v in (*T[:3, 3], *Rotation.from_matrix(T[:3, :3]).as_quat()))


def _camera_json(camera: Intrinsics) -> dict:
    return {key: getattr(camera, key) for key in ("fx", "fy", "cx", "cy", "width", "height")}


def write_7scenes(folder: Path, shots: Shots) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / "camera-intrinsics.txt", shots.camera.matrix)
    for k, (T, image, depth_m) in enumerate(zip(shots.poses, shots.images, shots.depths_m)):
        _picture(folder / f"frame-{k:06d}.color.png", image)
        _depth(folder / f"frame-{k:06d}.depth.png", depth_m, 0.001)
        np.savetxt(folder / f"frame-{k:06d}.pose.txt", T)


def write_tum(folder: Path, shots: Shots) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    colours, depths, poses = ["# colour"], ["# depth"], ["# poses"]
    for k, (T, image, depth_m) in enumerate(zip(shots.poses, shots.images, shots.depths_m)):
        colours.append(f"{k + 0.005:.6f} rgb/{_picture(folder / 'rgb' / f'{k}.png', image)}")
        depths.append(f"{k + 0.012:.6f} depth/{_depth(folder / 'depth' / f'{k}.png', depth_m, 1 / 5000)}")
        poses.append(f"{k:.4f} {_seven(T)}")
    for name, lines in (("rgb", colours), ("depth", depths), ("groundtruth", poses)):
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    (folder / "camera.json").write_text(json.dumps(_camera_json(shots.camera)))


def write_bop(folder: Path, shots: Shots) -> None:
    rows = {}
    for k, (T, image, depth_m) in enumerate(zip(shots.poses, shots.images, shots.depths_m)):
        _picture(folder / "rgb" / f"{k:06d}.png", image)
        _depth(folder / "depth" / f"{k:06d}.png", depth_m, 1e-4)
        T_cam_world = se3.inverse(T)
        rows[str(k)] = {
            "cam_K": shots.camera.matrix.ravel().tolist(), "depth_scale": 0.1,
            "cam_R_w2c": T_cam_world[:3, :3].ravel().tolist(), "cam_t_w2c": (1e3 * T_cam_world[:3, 3]).tolist(),
        }  # fmt: skip
    (folder / "scene_camera.json").write_text(json.dumps(rows))


def write_transforms(folder: Path, shots: Shots) -> None:
    frames = []
    for k, (T, image, depth_m) in enumerate(zip(shots.poses, shots.images, shots.depths_m)):
        frames.append({
            "file_path": f"images/{_picture(folder / 'images' / f'{k}.png', image)}",
            "depth_file_path": f"depth/{_depth(folder / 'depth' / f'{k}.png', depth_m, 0.001)}",
            "transform_matrix": (T @ _OPENGL_FROM_OPENCV).tolist(),
        })  # fmt: skip
    c = shots.camera
    values = {"fl_x": c.fx, "fl_y": c.fy, "cx": c.cx, "cy": c.cy, "w": c.width, "h": c.height, "frames": frames}
    (folder / "transforms.json").write_text(json.dumps(values))


def write_folder(folder: Path, shots: Shots) -> None:
    frames = []
    for k, (T, image, depth_m) in enumerate(zip(shots.poses, shots.images, shots.depths_m)):
        image_name, depth_name = f"{k}.png", f"{k}.depth.png"
        _picture(folder / image_name, image)
        _depth(folder / depth_name, depth_m, 0.001)
        frames.append({"image": image_name, "depth": depth_name, "T_world_cam": T.tolist()})
    (folder / "poses.json").write_text(json.dumps({"camera": _camera_json(shots.camera), "frames": frames}))


def write_folder_text(folder: Path, shots: Shots) -> None:
    lines = []
    for k, (T, image, depth_m) in enumerate(zip(shots.poses, shots.images, shots.depths_m)):
        _depth(folder / f"{k}.depth.png", depth_m, 0.001)
        lines.append(f"{_picture(folder / f'{k}.png', image)} {_seven(T)}")
    (folder / "poses.txt").write_text("\n".join(lines) + "\n")
    (folder / "camera.json").write_text(json.dumps(_camera_json(shots.camera)))


def write_apc(folder: Path, shots: Shots) -> None:
    """The depth camera is the colour camera here."""
    text = ["# Environment: shelf"]

    def block(head: str, matrix: np.ndarray) -> None:
        text.append(f"\n# {head}")
        text.extend(" ".join(f"{v:.9e}" for v in row) for row in matrix)

    block("Color camera intrinsic matrix", shots.camera.matrix)
    block("Depth camera intrinsic matrix", shots.camera.matrix)
    block("Depth-to-color camera extrinsic matrix", np.eye(4))
    for k, (T, image, depth_m) in enumerate(zip(shots.poses, shots.images, shots.depths_m)):
        stem = f"frame-{k:06d}"
        block(f"Camera-to-world extrinsic matrix (camera pose) for {stem}", T)
        _picture(folder / f"{stem}.color.png", image)
        steps = np.rint(depth_m / 1e-4).astype(np.uint16)
        assert cv2.imwrite(str(folder / f"{stem}.depth.png"), (steps << 3) | (steps >> 13))
    (folder / "cam.info.txt").write_text("\n".join(text) + "\n")


def write_bag(path: Path, shots: Shots, storage: str, static_hand: bool = False) -> None:
    """A rosbag2 folder, storage 'mcap' or 'sqlite3': bgr8 and 16UC1 images, camera_info, /tf of an arm, /tf_static."""
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    kinds = store.types

    def header(stamp_s: float, frame: str):
        ns = round(1e9 * stamp_s)
        stamp = kinds["builtin_interfaces/msg/Time"](sec=ns // 10**9, nanosec=ns % 10**9)
        return kinds["std_msgs/msg/Header"](stamp=stamp, frame_id=frame)

    def transform(stamp_s: float, parent: str, child: str, T: np.ndarray):
        q = Rotation.from_matrix(T[:3, :3]).as_quat()
        value = kinds["geometry_msgs/msg/Transform"](
            translation=kinds["geometry_msgs/msg/Vector3"](*map(float, T[:3, 3])),
            rotation=kinds["geometry_msgs/msg/Quaternion"](*map(float, q)),
        )
        return kinds["geometry_msgs/msg/TransformStamped"](
            header=header(stamp_s, parent), child_frame_id=child, transform=value
        )

    def image(stamp_s: float, data: np.ndarray, encoding: str):
        return kinds["sensor_msgs/msg/Image"](
            header=header(stamp_s, "camera"), height=data.shape[0], width=data.shape[1], encoding=encoding,
            is_bigendian=0, step=data.strides[0], data=np.ascontiguousarray(data).view(np.uint8).ravel(),
        )  # fmt: skip

    c = shots.camera
    info_kind, roi_kind = kinds["sensor_msgs/msg/CameraInfo"], kinds["sensor_msgs/msg/RegionOfInterest"]
    T_hand_camera = se3.exp(np.array([0.03, -0.02, 0.05, 0.1, 0.2, -0.3]))
    plugin = StoragePlugin.MCAP if storage == "mcap" else StoragePlugin.SQLITE3
    with Writer(path, version=8, storage_plugin=plugin) as writer:
        topics = {
            "/cam/color/image_raw": "sensor_msgs/msg/Image", "/cam/color/camera_info": info_kind.__msgtype__,
            "/cam/aligned/image_raw": "sensor_msgs/msg/Image", "/tf": "tf2_msgs/msg/TFMessage",
            "/tf_static": "tf2_msgs/msg/TFMessage",
        }  # fmt: skip
        connections = {name: writer.add_connection(name, kind, typestore=store) for name, kind in topics.items()}

        def put(topic: str, stamp_s: float, message) -> None:
            data = store.serialize_cdr(message, topics[topic])
            writer.write(connections[topic], round(1e9 * stamp_s), data)

        tf = kinds["tf2_msgs/msg/TFMessage"]
        put("/tf_static", 0.0, tf(transforms=[transform(0.0, "hand", "camera", T_hand_camera)]))
        for k, (T, picture, depth_m) in enumerate(zip(shots.poses, shots.images, shots.depths_m)):
            stamp_s = 1.0 + k
            for dt in () if static_hand else (-0.05, 0.05):
                hand = transform(stamp_s + dt, "base", "hand", T @ se3.inverse(T_hand_camera))
                put("/tf", stamp_s + dt, tf(transforms=[hand]))
            put("/cam/color/camera_info", stamp_s, info_kind(
                header=header(stamp_s, "camera"), height=c.height, width=c.width, distortion_model="plumb_bob",
                d=np.zeros(5), k=c.matrix.ravel(), r=np.eye(3).ravel(), p=np.eye(3, 4).ravel(), binning_x=0,
                binning_y=0, roi=roi_kind(x_offset=0, y_offset=0, height=0, width=0, do_rectify=False),
            ))  # fmt: skip
            put("/cam/color/image_raw", stamp_s, image(stamp_s, np.ascontiguousarray(picture[..., ::-1]), "bgr8"))
            depth = np.rint(1e3 * depth_m).astype(np.uint16)
            put("/cam/aligned/image_raw", stamp_s + 0.01, image(stamp_s + 0.01, depth, "16UC1"))


WRITERS = {
    "7scenes": write_7scenes, "tum": write_tum, "bop": write_bop, "transforms": write_transforms,
    "folder": write_folder, "apc": write_apc,
}  # fmt: skip
