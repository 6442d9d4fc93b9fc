import json

import pytest
import torch

from depth_pc_ros.errors import CheckpointError
from depth_pc_ros.networks.checkpoint import CONFIG, WEIGHTS, load_policy, make_policy, save_policy
from depth_pc_ros.networks.encoder import EncoderConfig
from depth_pc_ros.package_files import find_model


@pytest.fixture
def folder(tmp_path):
    save_policy(tmp_path / "model", "depth_pc", make_policy("depth_pc", EncoderConfig(width=8)), {"seed": 3})
    return tmp_path / "model"


def edit(folder, **values):
    path = folder / CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_what_was_saved_comes_back(tmp_path):
    net = make_policy("depth_pc_geo", EncoderConfig(width=8, context_blocks=1))
    save_policy(tmp_path, "depth_pc_geo", net, {"seed": 3})
    name, again, header = load_policy(tmp_path)
    assert name == "depth_pc_geo"
    assert header["training"] == {"seed": 3}
    for (key, a), b in zip(net.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b), key
    assert not again.training


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / CONFIG).unlink(), "cannot read"),
        (lambda f: (f / CONFIG).write_text("{"), "cannot read"),
        (lambda f: edit(f, version=99), "expected version 1, got 99"),
        (lambda f: edit(f, policy="pilot"), "policy: expected one of depth_pc"),
        (lambda f: edit(f, encoder={"width": 8, "depht": 1}), "unknown key 'depht'"),
        (lambda f: edit(f, encoder={"width": 16}), "do not fit"),
        (lambda f: edit(f, encoder={"width": 8, "fusion": "none"}), "do not fit"),
        (lambda f: edit(f, sha256="0"), "sha256"),
        (lambda f: (f / WEIGHTS).unlink(), "cannot read"),
        (lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:-100]), "cannot read"),
    ],
)
def test_a_spoilt_model_is_refused(folder, spoil, message):
    spoil(folder)
    with pytest.raises(CheckpointError, match=message):
        load_policy(folder)


def test_models_are_found_by_path_and_in_installations(folder, monkeypatch, tmp_path):
    assert find_model(str(folder)) == folder
    installed = tmp_path / "prefix" / "share" / "depth_pc_ros" / "models"
    installed.mkdir(parents=True)
    folder.rename(installed / "mine")
    index = tmp_path / "prefix" / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / "depth_pc_ros").touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))
    assert find_model("mine") == installed / "mine"
    with pytest.raises(CheckpointError, match="'absent'"):
        find_model("absent")
