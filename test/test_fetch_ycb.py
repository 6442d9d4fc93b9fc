"""scripts/fetch_ycb.py makes what `sim.ycb` reads, from archives as the set's server has them."""

import io
import runpy
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from depth_pc_ros.sim.ycb import read_model, ycb_names

SIDE_PX = 128
SCRIPT = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "fetch_ycb.py"))


def archive(name: str, leave_out: str = "") -> bytes:
    """What the server gives for one object."""
    picture = cv2.imencode(".png", np.full((SIDE_PX, SIDE_PX, 3), 90, np.uint8))[1].tobytes()
    files = {"textured.obj": b"v 0 0 0\n", "texture_map.png": picture, "nontextured.stl": b"solid"}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for file, data in files.items():
            if file != leave_out:
                info = tarfile.TarInfo(f"{name}/google_16k/{file}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.fixture
def server(tmp_path):
    """A folder that stands for the server, as a URL."""
    folder = tmp_path / "server"
    folder.mkdir()
    data = archive("x")
    for name in SCRIPT["OBJECTS"]:
        (folder / f"{name}_google_16k.tgz").write_bytes(data)
    return folder


def test_every_object_can_be_read(server, tmp_path):
    assert SCRIPT["main"](["--output", str(tmp_path / "ycb"), "--source", server.as_uri()]) == 0
    names = ycb_names(tmp_path / "ycb")
    assert names == sorted(SCRIPT["OBJECTS"])
    assert len(names) == 21
    model = read_model(tmp_path / "ycb", "003_cracker_box")
    assert model.mass_kg == 0.411
    assert model.origin_m == pytest.approx((0.0149, 0.0142, -0.1022), abs=1e-4)
    assert cv2.imread(str(model.texture)).shape == (SIDE_PX, SIDE_PX, 3)
    assert model.mesh.is_file()
    assert model.collision.is_file()


def test_what_is_there_is_kept(server, tmp_path):
    arguments = ["--output", str(tmp_path / "ycb"), "--source", server.as_uri()]
    assert SCRIPT["main"](arguments) == 0
    for path in server.iterdir():
        path.unlink()
    assert SCRIPT["main"](arguments) == 0


def test_an_archive_that_lacks_a_file_is_named(server, tmp_path, capsys):
    (server / "002_master_chef_can_google_16k.tgz").write_bytes(archive("x", leave_out="textured.obj"))
    assert SCRIPT["main"](["--output", str(tmp_path / "ycb"), "--source", server.as_uri()]) == 1
    assert "google_16k/textured.obj" in capsys.readouterr().err
    assert not (tmp_path / "ycb" / "002_master_chef_can" / "model.urdf").exists()
