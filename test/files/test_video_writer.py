import os
import struct
import subprocess
import sys

import numpy as np
import pytest

from depth_pc_ros.errors import FileError
from depth_pc_ros.files import video_file
from depth_pc_ros.files.video_file import WRITTEN, VideoFile, VideoWriter

GREYS = [40, 90, 140, 190, 240]


def written(path, greys=GREYS, rate_hz=12.5):
    writer = VideoWriter(path, rate_hz)
    for grey in greys:
        picture = np.full((48, 64, 3), grey, np.uint8)
        picture[:, :32, 0] = 0  # no red on the left
        writer.add(picture)
    writer.close()
    return path


@pytest.mark.parametrize("suffix", WRITTEN)
def test_pictures_come_back_in_their_order_and_colours(tmp_path, suffix):
    video = VideoFile(written(tmp_path / f"video{suffix}"))
    assert (video.size, video.count) == ((64, 48), len(GREYS))
    assert video.rate_hz == pytest.approx(12.5)
    stamps_s, pictures = zip(*video.frames(), strict=True)
    assert stamps_s == pytest.approx([0, 0.08, 0.16, 0.24, 0.32])
    assert [int(picture[20, 50, 1]) for picture in pictures] == pytest.approx(GREYS, abs=6)
    assert pictures[-1][20, 10, 0] < 30
    assert pictures[-1][20, 10, 2] > 200
    assert os.listdir(tmp_path) == [f"video{suffix}"]
    assert video.problem == ""


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = written(tmp_path / "video.avi")
    before = path.read_bytes()
    writer = VideoWriter(path, 10)
    writer.add(np.zeros((48, 64, 3), np.uint8))
    assert path.read_bytes() == before
    writer.close()
    assert VideoFile(path).count == 1
    VideoWriter(path, 10).close()  # of no picture
    assert VideoFile(path).count == 1
    assert os.listdir(tmp_path) == ["video.avi"]


def test_a_video_that_is_not_whole_is_no_success(tmp_path, monkeypatch):
    class FullDisk:
        def __init__(self, *arguments):
            pass

        def isOpened(self):
            return True

        write = release = lambda self, *arguments: None

    monkeypatch.setattr(video_file.cv2, "VideoWriter", FullDisk)
    FullDisk.fourcc = staticmethod(lambda *letters: 0)
    monkeypatch.setattr(video_file.cv2, "VideoWriter_fourcc", lambda *letters: 0)
    with pytest.raises(FileError, match=r"0 of 5 frames are in it \(is the disk full\?\)$"):
        written(tmp_path / "video.avi")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("video.gif", "expected a name that ends with .mp4, .avi, .mkv"),
        ("folder.mp4", "it is a folder"),
        ("file/video.mp4", "cannot write .*: (Not a directory|File exists)"),
    ],
)
def test_where_nothing_can_be_written_is_one_line_at_once(tmp_path, name, problem):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=problem):
        VideoWriter(tmp_path / name, 10)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "no such video$"),
        (b"", "expected a video that OpenCV can open"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "expected a video that OpenCV can open"),
        (b"#EXTM3U\n#EXTINF:10,\nhttp://localhost/a.ts\n", "expected a video that OpenCV can open"),
        (b"RIFF\x20\0\0\0AVI LIST", "expected a video that OpenCV can open"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "expected a video that OpenCV can open"),
    ],
)
def test_what_is_no_video_is_one_line(tmp_path, content, problem):
    path = tmp_path / "video.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError, match=f"^{path}: {problem}"):
        VideoFile(path)


def test_a_video_that_is_cut_off_gives_what_it_has_and_says_so(tmp_path):
    greys = np.random.default_rng(0).integers(0, 255, 60)
    whole = written(tmp_path / "whole.mkv", greys).read_bytes()
    path = tmp_path / "half.mkv"
    path.write_bytes(whole[: len(whole) // 2])
    video = VideoFile(path)
    count = len(list(video.frames()))
    assert 10 < count < 50
    assert video.problem == f"{path}: ends after frame {count} of 60: it is damaged or cut off"


def test_opencv_and_ffmpeg_print_nothing(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(written(tmp_path / "whole.mp4").read_bytes()[:800])
    code = "import sys; from depth_pc_ros.files.video_file import VideoFile; VideoFile(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Traceback")
    assert "expected a video that OpenCV can open" in done.stderr.splitlines()[-1]
    assert done.stderr.count("moov") == 0


def test_a_rate_that_cannot_be_is_refused(tmp_path):
    path = written(tmp_path / "video.avi")
    data = bytearray(path.read_bytes())
    scale = data.index(b"strh") + 28  # of the rate that follows it
    data[scale : scale + 8] = struct.pack("<II", 1000, 50)
    path.write_bytes(data)
    with pytest.raises(FileError, match=r"expected 0.1 to 1000 frames a second, got 0.05$"):
        VideoFile(path)
