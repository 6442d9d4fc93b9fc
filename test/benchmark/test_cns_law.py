"""CNS from a user's checkout: here one that is made up, with the same modules and calls."""

import sys

import numpy as np
import pytest
import torch

from depth_pc_ros.benchmark.cns_law import WEIGHTS, CnsLaw, check_checkout
from depth_pc_ros.benchmark.methods import CnsMethod, check_methods, make_method
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.errors import CheckpointError, ConfigError
from depth_pc_ros.types import Observation

_GRAPHS = """
import numpy as np, types
class GraphGenerator:
    made = 0
    def __init__(self, points):
        GraphGenerator.made += 1
        self.points = points
    def get_data(self, current_points, missing_node_indices):
        data = types.SimpleNamespace(current=current_points, missing=missing_node_indices, goal=self.points)
        data.start_new_scene = lambda new: setattr(data, "new", new)
        data.set_distance_scale = lambda d: setattr(data, "d", d)
        return data
"""
_MODELS = """
import torch
class GraphVS(torch.nn.Module):
    def __init__(self, input_dim, pos_dim, hidden_dim, regress_norm):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.zeros(1))
    def forward(self, data, hidden):
        seen = [k for k in range(len(data.goal)) if k not in set(data.missing.tolist())]
        mean = torch.as_tensor((data.goal - data.current)[seen].mean(axis=0))
        count = torch.zeros(1) if hidden is None else hidden
        vector = torch.cat([self.gain * mean.float(), count, torch.full((3,), float(data.new))])
        return vector[None], None, count + 1
    def postprocess(self, raw, data):
        out = raw[0].clone()
        out[:, :3] *= data.d
        return out
"""


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "CNS"
    for name, text in (("midend/graph_gen.py", _GRAPHS), ("models/graph_vs.py", _MODELS)):
        (folder / "cns" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "cns" / name).write_text(text)
    (folder / "checkpoints").mkdir()
    torch.save({"gain": torch.tensor([2.0])}, folder / WEIGHTS)
    yield folder
    for name in [name for name in sys.modules if name == "cns" or name.startswith("cns.")]:
        del sys.modules[name]


def look(shift, matched=(True, True, True)):
    goal = np.array([[0.1, 0.0], [0.0, 0.2], [-0.1, -0.1]])
    matched = np.array(matched)
    current = np.where(matched[:, None], goal + shift, np.nan)
    unknown = np.full(3, np.nan)
    return Observation(goal, current, matched, unknown, unknown, 0.5, 600.0)


def test_the_networks_velocity_times_the_distance(checkout):
    law = CnsLaw(check_checkout(str(checkout)))
    output = law(look((0.1, -0.2), (True, False, True)))
    np.testing.assert_allclose(output.twist, [-0.1, 0.2, 0, 1, 1, 1], atol=1e-6)
    assert output.T_cam_goal is None
    assert output.inliers.tolist() == [True, False, True]


def test_memory_lasts_until_a_reset_and_clusters_as_long_as_the_goal(checkout):
    law = CnsLaw(check_checkout(str(checkout)))
    first = look((0.1, 0.1))
    assert law(first).twist[2:4].tolist() == [0.0, 1.0]
    assert law(first).twist[2:4].tolist() == [0.5, 0.0]
    made = sys.modules["cns.midend.graph_gen"].GraphGenerator.made
    law.reset()
    assert law(first).twist[2:4].tolist() == [0.0, 1.0]
    assert sys.modules["cns.midend.graph_gen"].GraphGenerator.made == made
    assert law(look((0.1, 0.1))).twist[2:4].tolist() == [0.0, 1.0]  # another goal
    assert sys.modules["cns.midend.graph_gen"].GraphGenerator.made == made + 1


def test_it_is_a_method_of_every_benchmark(checkout):
    name = f"cns@{checkout}"
    assert check_methods(["pbvs", name]) == ["pbvs", name]
    method = make_method(name, Settings())
    assert isinstance(method, CnsMethod)
    assert method.label == "cns"
    assert str(checkout) not in sys.path


@pytest.mark.parametrize("text", ["", "~", "/nowhere"])
def test_no_checkout_is_named(text):
    with pytest.raises(ConfigError, match=r"methods: cns.*checkout"):
        make_method(f"cns@{text}" if text else "cns", Settings())


@pytest.mark.parametrize("file", ["cns/midend/graph_gen.py", "cns/models/graph_vs.py", str(WEIGHTS)])
def test_a_checkout_that_lacks_a_file_is_none(checkout, file):
    (checkout / file).unlink()
    with pytest.raises(ConfigError, match=f"it has no {file}"):
        check_checkout(str(checkout))


def test_a_missing_package_is_named(checkout):
    (checkout / "cns" / "models" / "graph_vs.py").write_text("import a_package_that_nobody_has\n")
    with pytest.raises(ConfigError, match=r"cannot be imported.*a_package_that_nobody_has"):
        check_checkout(str(checkout))


@pytest.mark.parametrize("content", [b"no weights", None])
def test_broken_or_other_weights_are_named(checkout, content):
    if content is None:
        torch.save({"other": torch.zeros(1)}, checkout / WEIGHTS)
    else:
        (checkout / WEIGHTS).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"methods: cns: .*cns_state_dict\.pth"):
        CnsLaw(check_checkout(str(checkout)))
