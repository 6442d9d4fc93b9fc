import json

import numpy as np
import pytest

from depth_pc_ros.errors import DepthPcError, FileError, GoalError
from depth_pc_ros.files.route_file import MANIFEST, CameraModel, View, add_view, count_views, read_route

CAMERA = CameraModel(
    24, 16, "plumb_bob", (0.1, 0.0, 0.0, 0.0, 0.0), (20.0, 0.0, 12.0, 0.0, 20.0, 8.0, 0.0, 0.0, 1.0),
    (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), (20.0, 0.0, 12.0, 0.0, 0.0, 20.0, 8.0, 0.0, 0.0, 0.0, 1.0, 0.0),
)  # fmt: skip
SMALLER = CameraModel(12, 16, *list(vars(CAMERA).values())[2:])


def view(seed=0, camera=CAMERA, **fields) -> View:
    image = np.random.default_rng(seed).integers(0, 255, (camera.height, camera.width, 3), dtype=np.uint8)
    return View(image, camera, **fields)


@pytest.fixture
def route(tmp_path):
    folder = tmp_path / "route"
    depth_m = np.full((16, 24), 0.6, np.float32)
    depth_m[0, 0] = np.nan
    add_view(folder, view(1, depth_m=depth_m, distance_m=0.6, pause_s=2.0, joints={"joint_1": 0.5}))
    add_view(folder, view(2))
    add_view(folder, view(3))
    return folder


def test_views_come_back_as_they_were_taught(route):
    first, second, third = read_route(route)
    np.testing.assert_array_equal(first.image, view(1).image)
    assert first.depth_m.dtype == np.float32
    assert np.isnan(first.depth_m[0, 0])
    assert first.depth_m[1, 1] == np.float32(0.6)
    assert (first.camera, first.distance_m, first.pause_s, first.joints) == (CAMERA, 0.6, 2.0, {"joint_1": 0.5})
    assert (second.depth_m, second.distance_m, second.pause_s, second.joints) == (None, 0.0, 0.0, {})
    np.testing.assert_array_equal(third.image, view(3).image)
    assert count_views(route) == 3
    assert add_view(route, view(4)) == 4


def edited(change):
    def damage(folder):
        manifest = json.loads((folder / MANIFEST).read_text())
        change(manifest)
        (folder / MANIFEST).write_text(json.dumps(manifest))

    return damage


DAMAGE = {
    "view 2: cannot read .*002.png: no such file": lambda folder: (folder / "002.png").unlink(),
    "view 1: cannot read .*001_depth.npy: no such file": lambda folder: (folder / "001_depth.npy").unlink(),
    "view 3: .*003.png is not the image that was taught": lambda folder: (folder / "003.png").write_bytes(
        (folder / "002.png").read_bytes()
    ),
    "view 2: cannot read .*002.png: not a": lambda folder: (folder / "002.png").write_bytes(b"no image"),
    r"view 1: 001_depth.npy: expected float32 \(16, 24\), got float64 \(2, 2\)": lambda folder: np.save(
        folder / "001_depth.npy", np.zeros((2, 2))
    ),
    "view 2: was taken by another camera than view 1: 24 x 16 with other intrinsics": edited(
        lambda manifest: manifest["views"][1]["camera"]["k"].__setitem__(0, 21.0)
    ),
    "view 2: expected 12 x 16, .* is 24 x 16": edited(lambda manifest: manifest["views"][1]["camera"].update(width=12)),
    "expected version 1, got 2": edited(lambda manifest: manifest.update(version=2)),
    r"views\[0\]: missing key 'camera'": edited(lambda manifest: manifest["views"][0].pop("camera")),
    r"views\[0\].image: expected pattern": edited(lambda manifest: manifest["views"][0].update(image="../001.png")),
    r"views\[0\].pause_s: expected minimum 0": edited(lambda manifest: manifest["views"][0].update(pause_s=-1)),
    "route.json: expected JSON": lambda folder: (folder / MANIFEST).write_text("{"),
    f"holds no {MANIFEST}: teach a view first": lambda folder: (folder / MANIFEST).unlink(),
}


@pytest.mark.parametrize("words", DAMAGE)
def test_a_missing_or_foreign_view_is_named_in_one_line(route, words):
    DAMAGE[words](route)
    with pytest.raises(FileError, match=words) as caught:
        read_route(route)
    assert "\n" not in str(caught.value)


def test_a_view_of_another_camera_is_not_added_and_loses_nothing(route):
    with pytest.raises(GoalError, match="was taught with another camera"):
        add_view(route, view(5, SMALLER))
    assert len(read_route(route)) == 3


def test_a_damaged_manifest_is_not_overwritten(route):
    (route / MANIFEST).write_text("[]")
    with pytest.raises(DepthPcError, match="expected version 1"):
        add_view(route, view(5))
    assert (route / MANIFEST).read_text() == "[]"


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot write in"):
        add_view(tmp_path / "file", view())
