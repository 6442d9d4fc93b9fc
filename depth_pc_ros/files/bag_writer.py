"""Writes an MCAP bag as `ros2 bag record` does: message definitions in it, metadata.yaml beside it. Needs rosbags."""

from collections.abc import Mapping
from pathlib import Path

from depth_pc_ros.errors import FileError
from depth_pc_ros.extras import require
from depth_pc_ros.files.bag_file import close_cut_off

LATCHED = "latched"  # of a topic: transient local, so that `ros2 bag play` publishes it to nodes that start later


class BagWriter:
    """A bag in a new folder. Chunks of 1 MB go to the disk as they fill up: a process that is killed loses the last.

    definitions: text of each message type, as `package/msg/Name`, that ROS itself does not have. Raises FileError.
    """

    def __init__(self, folder: Path, definitions: Mapping[str, str]):
        require("rosbag", "rosbags")
        from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer, WriterError
        from rosbags.typesys import Stores, get_types_from_msg, get_typestore

        self.folder = folder
        self.counts: dict[str, int] = {}
        self._topics = {}
        self._newest_ns = 0
        self._types = get_typestore(Stores.LATEST)
        for kind, text in definitions.items():
            self._types.register(get_types_from_msg(text, kind))
        try:
            # Version 8 of the metadata is read by every ROS 2 from Humble on.
            self._writer = Writer(folder, version=8, storage_plugin=StoragePlugin.MCAP)
            self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            self._writer.open()
        except WriterError:
            raise FileError(f"bag: {folder} exists already; give a new folder") from None
        except OSError as error:
            raise FileError(f"bag: cannot make {folder}: {error.strerror or error}") from None

    @property
    def file(self) -> Path:
        """The MCAP file in the folder."""
        return self.folder / f"{self.folder.name}.mcap"

    def write(self, topic: str, kind: str, logged_ns: int, raw: bytes, qos: str = "") -> None:
        """Add a serialized message. logged_ns: never before that of the message before; an earlier one is moved up.

        qos: LATCHED, or nothing. Raises FileError where the disk is full: the bag is closed then, as far as it is.
        """
        self._newest_ns = max(self._newest_ns, logged_ns)
        try:
            if topic not in self._topics:
                profiles = [_latched()] if qos == LATCHED else []
                self._topics[topic] = self._writer.add_connection(
                    topic, kind, typestore=self._types, offered_qos_profiles=profiles
                )
            self._writer.write(self._topics[topic], self._newest_ns, raw)
        except OSError as error:
            self._give_up(error)
        self.counts[topic] = self.counts.get(topic, 0) + 1

    def close(self) -> None:
        """Finish the bag. Raises FileError as `write` does."""
        try:
            self._writer.close()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Leave the whole chunks that are on the disk, as a file that can be read."""
        self._writer.abort()
        reason = error.strerror or error
        try:
            close_cut_off(self.file)
        except OSError as problem:
            raise FileError(f"bag: {self.file}: {reason}; it was left without its end: {problem.strerror}") from None
        raise FileError(f"bag: {self.file}: {reason}; what was written before is in it") from None


def _latched():
    from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

    never = QosTime(0, 0)
    return Qos(
        QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL, never, never,
        QosLiveliness.AUTOMATIC, never, False,
    )  # fmt: skip
