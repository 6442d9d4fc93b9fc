"""Small bags as `ros2 bag record` writes them, and videos, of a camera that moves above a picture. Without `record`."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics

CAMERA = Intrinsics(300.0, 300.0, 159.5, 119.5, 320, 240)
IMAGE, INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"
COMPRESSED = "sensor_msgs/msg/CompressedImage"


def plane(seed: int = 0) -> np.ndarray:
    """A picture (480, 640, 3) uint8 RGB with texture."""
    coarse = np.random.default_rng(seed).integers(0, 256, (60, 80, 3), np.uint8)
    return cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC)


def seen_from(picture: np.ndarray, T_goal_cam: np.ndarray) -> np.ndarray:
    """Image (240, 320, 3) uint8 RGB of the picture, which stands upright 0.6 m before the goal's camera."""
    T_cam_goal = se3.inverse(T_goal_cam)
    K = CAMERA.matrix
    in_goal = np.array([[1.0, 0, -160], [0, 1.0, -120], [0, 0, 1]])  # from px of the picture
    towards = np.outer(T_cam_goal[:3, 3], [0, 0, 1 / 0.6])
    homography = K @ (T_cam_goal[:3, :3] + towards) @ np.linalg.inv(K) @ in_goal
    return cv2.warpPerspective(picture, homography, CAMERA.size, borderMode=cv2.BORDER_REFLECT)


def approach(count: int, seed: int = 0, rest: int = 0) -> list[np.ndarray]:
    """Images of a camera that comes nearer to its goal, then rests there."""
    start = np.array([0.02, -0.015, -0.06, 0.03, 0.02, 0.08])
    shares = [1.0 - min(k, count - 1) / max(count - 1, 1) for k in range(count + rest)]
    return [seen_from(plane(seed), se3.exp(share * start)) for share in shares]


@dataclass
class BagMaker:
    """Writes messages of rosbags' types. storage: `mcap` or `sqlite3`."""

    folder: Path
    storage: str = "mcap"
    rate_hz: float = 25.0

    def __enter__(self) -> "BagMaker":
        from rosbags.rosbag2 import StoragePlugin, Writer
        from rosbags.typesys import Stores, get_typestore

        self._store = get_typestore(Stores.ROS2_JAZZY)
        self.kinds = self._store.types
        self._writer = Writer(self.folder, version=9, storage_plugin=StoragePlugin[self.storage.upper()])
        self._writer.open()
        self._topics = {}
        return self

    def __exit__(self, *exc) -> None:
        self._writer.close()

    @property
    def file(self) -> Path:
        return next(file for file in self.folder.iterdir() if file.suffix in (".mcap", ".db3"))

    def put(self, topic: str, kind: str, time_s: float, message) -> None:
        if topic not in self._topics:
            self._topics[topic] = self._writer.add_connection(topic, kind, typestore=self._store)
        self._writer.write(self._topics[topic], round(1e9 * time_s), self._store.serialize_cdr(message, kind))

    def header(self, time_s: float, frame: str = "camera"):
        sec, nanosec = divmod(round(1e9 * time_s), 10**9)
        stamp = self.kinds["builtin_interfaces/msg/Time"](sec=sec, nanosec=nanosec)
        return self.kinds["std_msgs/msg/Header"](stamp=stamp, frame_id=frame)

    def image_message(self, time_s: float, rgb: np.ndarray, encoding: str = "bgr8"):
        pixels = rgb[..., ::-1] if encoding == "bgr8" else rgb
        return self.kinds[IMAGE](
            header=self.header(time_s), height=pixels.shape[0], width=pixels.shape[1], encoding=encoding,
            is_bigendian=0, step=pixels.strides[0], data=np.ascontiguousarray(pixels).view(np.uint8).ravel(),
        )  # fmt: skip

    def info_message(self, time_s: float, camera: Intrinsics = CAMERA):
        roi = self.kinds["sensor_msgs/msg/RegionOfInterest"](
            x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
        )
        return self.kinds[INFO](
            header=self.header(time_s), height=camera.height, width=camera.width, distortion_model="plumb_bob",
            d=np.zeros(5), k=camera.matrix.ravel(), r=np.eye(3).ravel(),
            p=np.hstack([camera.matrix, np.zeros((3, 1))]).ravel(), binning_x=0, binning_y=0, roi=roi,
        )  # fmt: skip

    def image(self, topic: str, time_s: float, rgb: np.ndarray, encoding: str = "bgr8") -> None:
        self.put(topic, IMAGE, time_s, self.image_message(time_s, rgb, encoding))

    def jpeg(self, topic: str, time_s: float, rgb: np.ndarray) -> None:
        data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
        kind = self.kinds[COMPRESSED]
        message = kind(header=self.header(time_s), format="bgr8; jpeg compressed bgr8", data=data.ravel())
        self.put(topic, COMPRESSED, time_s, message)

    def info(self, topic: str, time_s: float, camera: Intrinsics = CAMERA) -> None:
        self.put(topic, INFO, time_s, self.info_message(time_s, camera))


def camera_bag(folder: Path, images: list[np.ndarray], storage: str = "mcap", jpeg: bool = False) -> Path:
    """As a camera's driver publishes: images and camera_info, and a topic of another kind."""
    with BagMaker(folder, storage) as bag:
        text = bag.kinds["std_msgs/msg/String"]
        bag.put("/chatter", "std_msgs/msg/String", 99.0, text(data="hello"))
        for k, image in enumerate(images):
            time_s = 100.0 + k / bag.rate_hz
            bag.info("/cam/camera_info", time_s)
            if jpeg:
                bag.jpeg("/cam/image_raw/compressed", time_s, image)
            else:
                bag.image("/cam/image_raw", time_s, image)
    return folder


def write_video(path: Path, images: list[np.ndarray], rate_hz: float = 25.0) -> Path:
    """A video without loss of detail that matters."""
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), rate_hz, images[0].shape[1::-1])
    for image in images:
        video.write(image[..., ::-1])
    video.release()
    return path


def write_calibration(path: Path, camera: Intrinsics = CAMERA) -> Path:
    """As camera_calibration of ROS writes it."""
    k = ", ".join(f"{value:g}" for value in camera.matrix.ravel())
    path.write_text(
        f"image_width: {camera.width}\nimage_height: {camera.height}\ncamera_name: test\n"
        f"camera_matrix:\n  rows: 3\n  cols: 3\n  data: [{k}]\ndistortion_model: plumb_bob\n"
        "distortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}\n"
    )
    return path
