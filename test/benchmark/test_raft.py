"""RAFT through torchvision or ptlflow: which one the weights say, and how images go in."""

import sys
import types

import numpy as np
import pytest
import torch

from depth_pc_ros.benchmark.methods import make_method
from depth_pc_ros.benchmark.raft import RaftFlow
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.errors import ConfigError

OF_TORCHVISION = {"feature_encoder.convnormrelu.0.weight": torch.ones(1)}
OF_PTLFLOW = {"fnet.conv1.weight": torch.ones(1)}


class Net(torch.nn.Module):
    """Stands for either package's network: its flow is the red of the first image, and the blue of the second."""

    def __init__(self, state):
        super().__init__()
        self._state, self._loaded = state, None

    def load_state_dict(self, state):
        if state.keys() != self._state.keys():
            raise RuntimeError("Error(s) in loading:\n\tUnexpected key(s)")

    def forward(self, first, second=None):
        if second is not None:  # torchvision: RGB from -1 to 1
            return [None, torch.stack([first[:, 0], second[:, 2]], dim=1)]
        pair = first["images"]  # ptlflow: BGR from 0 to 1
        return {"flows": torch.stack([pair[:, 0, 2], pair[:, 1, 0]], dim=1)[:, None]}


@pytest.fixture
def packages(monkeypatch):
    torchvision = types.ModuleType("torchvision.models.optical_flow")
    torchvision.raft_large = lambda weights: Net(OF_TORCHVISION)
    ptlflow = types.ModuleType("ptlflow")
    ptlflow.get_model = {"raft": Net(OF_PTLFLOW)}.__getitem__
    for name in ("torchvision", "torchvision.models"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, torchvision.__name__, torchvision)
    monkeypatch.setitem(sys.modules, "ptlflow", ptlflow)


@pytest.fixture
def save(tmp_path):
    def make(state):
        torch.save(state, tmp_path / "raft.pth")
        return tmp_path / "raft.pth"

    return make


@pytest.mark.parametrize(
    ("state", "low"),
    [
        (OF_TORCHVISION, -1.0),
        (OF_PTLFLOW, 0.0),
        ({"state_dict": OF_PTLFLOW}, 0.0),
        ({f"module.{name}": value for name, value in OF_PTLFLOW.items()}, 0.0),
    ],
)
def test_the_names_of_the_weights_choose_the_package(state, low, save, packages):
    flow = RaftFlow(save(state))
    first, second = np.zeros((2, 8, 16, 3), np.uint8)
    first[..., 0], second[..., 2] = 255, 255
    assert flow(first, second) == pytest.approx(np.ones((8, 16, 2)))
    assert flow(second, first) == pytest.approx(np.full((8, 16, 2), low))


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"layer.weight": torch.ones(1)}, "expected the weights of torchvision's raft_large or of ptlflow's raft"),
        ([1, 2], "expected the weights of torchvision's raft_large or of ptlflow's raft"),
        ({**OF_PTLFLOW, "more": torch.ones(1)}, "Unexpected key"),
    ],
)
def test_foreign_weights_are_refused_in_one_line(state, message, save, packages):
    with pytest.raises(ConfigError, match=rf"raft_weights: cannot read .*raft.pth: .*{message}") as caught:
        RaftFlow(save(state))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match=r"raft_weights: cannot read nowhere\.pth: no such file"):
        make_method("flow_ibvs", Settings(raft_weights="nowhere.pth"))


@pytest.mark.parametrize(("state", "package"), [(OF_TORCHVISION, "torchvision"), (OF_PTLFLOW, "ptlflow")])
def test_the_package_is_named_that_the_weights_need(state, package, save, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=rf"raft_weights: these weights need {package}: .*pip install {package}"):
        RaftFlow(save(state))


def test_sides_that_eight_does_not_divide_are_refused(save, packages):
    with pytest.raises(ConfigError, match="multiples of 8, got 15 x 8"):
        RaftFlow(save(OF_PTLFLOW))(*np.zeros((2, 8, 15, 3), np.uint8))


@pytest.mark.parametrize("package", ["torchvision", "ptlflow"])
def test_random_weights_of_the_real_network_run(package, save):
    if package == "torchvision":
        net = pytest.importorskip("torchvision.models.optical_flow").raft_large(weights=None)
    else:
        net = pytest.importorskip("ptlflow").get_model("raft")
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8)
    flow = RaftFlow(save(net.state_dict()))(image, image)
    assert flow.shape == (128, 128, 2)
    assert np.isfinite(flow).all()
