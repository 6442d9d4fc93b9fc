import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

from depth_pc_ros.bringup.client import ServoClientError
from depth_pc_ros.cli import set_goal
from depth_pc_ros.errors import ImageError


class FakeClient:
    """Replaces ServoClient; records its calls."""

    calls = ()
    refusal = ""

    def __init__(self, timeout_s, namespace):
        FakeClient.calls = [("timeout", timeout_s)]
        FakeClient.namespace = namespace

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def set_goal(self, image, distance, depth, mask):
        if self.refusal:
            raise ServoClientError(self.refusal)
        self.calls.append(("set_goal", image, distance, depth, mask))
        return type("Answer", (), {"message": "goal 1 set: 90 keypoints"})

    def capture_goal(self):
        self.calls.append(("capture",))
        return "goal 2 set"

    def enable(self, on):
        self.calls.append(("enable", on))
        return "enabled"


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(set_goal, "ServoClient", FakeClient)
    monkeypatch.setattr(FakeClient, "refusal", "")
    return FakeClient


@pytest.fixture
def goal(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    path = tmp_path / "goal.png"
    cv2.imwrite(str(path), rgb[..., ::-1])
    return path, rgb


def test_an_image_with_distance_and_depth(client, goal, tmp_path, capsys):
    path, rgb = goal
    np.save(tmp_path / "depth.npy", np.full((48, 64), 0.7))
    words = [str(path), "--distance", "0.6", "--depth", str(tmp_path / "depth.npy"), "--timeout", "3"]
    assert set_goal.main(words) == 0
    (_, timeout_s), (_, image, distance, depth, mask) = client.calls
    assert np.array_equal(image, rgb)
    assert mask is None
    assert (timeout_s, distance, depth.dtype, depth.max()) == (3.0, 0.6, np.float32, np.float32(0.7))
    assert capsys.readouterr().out == "goal 1 set: 90 keypoints\n"


def test_a_mask_is_zero_where_its_image_is_black(client, goal, tmp_path):
    picture = np.full((48, 64, 3), 255, np.uint8)
    picture[30:] = 0
    picture[40:, 10] = (0, 0, 200)
    cv2.imwrite(str(tmp_path / "mask.png"), picture)
    assert set_goal.main([str(goal[0]), "--mask", str(tmp_path / "mask.png")]) == 0
    np.testing.assert_array_equal(client.calls[1][-1] > 0, picture.any(axis=2))


def test_capture_and_enable(client):
    assert set_goal.main(["--capture", "--enable"]) == 0
    assert client.calls[1:] == [("capture",), ("enable", True)]
    assert client.namespace == "/depth_pc"
    assert set_goal.main(["--capture", "--namespace", "/left"]) == 0
    assert client.namespace == "/left"


def test_a_wrong_namespace_is_one_line(capsys):
    assert set_goal.main(["--capture", "--namespace", "left"]) == 1
    assert capsys.readouterr().err.startswith("set_goal: namespace: expected words")


def test_a_refusal_is_printed_and_nothing_is_enabled(client, goal, monkeypatch, capsys):
    monkeypatch.setattr(FakeClient, "refusal", "goal image: 3 keypoints, at least 20 are needed")
    assert set_goal.main([str(goal[0]), "--enable"]) == 1
    assert "at least 20 are needed" in capsys.readouterr().err
    assert len(client.calls) == 1


@pytest.mark.parametrize("distance", ["0", "-0.5", "nan", "inf", "far"])
def test_a_wrong_distance_is_a_wrong_command_line(client, goal, distance, capsys):
    with pytest.raises(SystemExit) as stop:
        set_goal.main([str(goal[0]), f"--distance={distance}"])
    assert stop.value.code == 2
    assert f"expected metres > 0, got {distance}" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["goal.png", "--capture"], ["--capture", "--distance", "0.6"]])
def test_image_and_capture_exclude_each_other(words, capsys):
    with pytest.raises(SystemExit) as stop:
        set_goal.main(words)
    assert stop.value.code == 2
    assert "capture" in capsys.readouterr().err


def test_unreadable_files_are_named(tmp_path, capsys):
    text = tmp_path / "text.png"
    text.write_text("no image")
    for path, problem in [(tmp_path / "none.png", "no such file"), (text, "not an image")]:
        assert set_goal.main([str(path)]) == 1
        assert f"{path}: {problem}" in capsys.readouterr().err


def test_depth_files(tmp_path):
    millimetres = np.full((48, 64), 700, np.uint16)
    cv2.imwrite(str(tmp_path / "mm.png"), millimetres)
    np.testing.assert_allclose(set_goal.read_depth(tmp_path / "mm.png"), 0.7)
    cv2.imwrite(str(tmp_path / "8bit.png"), millimetres.astype(np.uint8))
    np.save(tmp_path / "flat.npy", np.zeros(5))
    np.save(tmp_path / "int.npy", millimetres)
    (tmp_path / "text.npy").write_text("no array")
    for name, problem in [
        ("8bit.png", "16-bit"), ("flat.npy", r"\(H, W\) metres"), ("int.npy", "metres"), ("text.npy", "not a NumPy"),
        ("none.npy", "no such file"),
    ]:  # fmt: skip
        with pytest.raises(ImageError, match=problem):
            set_goal.read_depth(tmp_path / name)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_file_that_is_cut_off_is_no_goal(client, goal, tmp_path, suffix, capsys):
    path = tmp_path / f"half{suffix}"
    data = cv2.imencode(suffix, goal[1])[1].tobytes()
    path.write_bytes(data[: len(data) // 2])
    for words in ([str(path)], [str(goal[0]), "--mask", str(path)], [str(goal[0]), "--depth", str(path)]):
        assert set_goal.main([*words, "--enable"]) == 1
        error = capsys.readouterr().err
        assert f"{path}: not a whole image" in error
        assert error.count("\n") == 1


def test_depth_that_would_run_code_is_refused(tmp_path):
    class Runs:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    np.save(tmp_path / "depth.npy", np.array([Runs()], dtype=object), allow_pickle=True)
    with pytest.raises(ImageError, match="expected an array of numbers"):
        set_goal.read_depth(tmp_path / "depth.npy")
    assert not (tmp_path / "ran").exists()
