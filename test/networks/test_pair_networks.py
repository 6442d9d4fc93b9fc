"""The networks that see pairs of images: shapes, weights on disk, and the parts of the flow network."""

import json

import numpy as np
import pytest
import torch

from depth_pc_ros.errors import CheckpointError
from depth_pc_ros.networks import compact_flow
from depth_pc_ros.networks.checkpoint import CONFIG, WEIGHTS
from depth_pc_ros.networks.pair_networks import (
    PAIR_NETWORKS,
    grey_input,
    load_pair_network,
    save_pair_network,
    standardised,
)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def pair(size, count=2):
    images = torch.randint(0, 256, (2, count, 1, size[1], size[0]), generator=torch.Generator().manual_seed(1))
    return standardised(images)


@pytest.mark.parametrize("name", ["alexnet", "siame_se3"])
def test_a_regressor_answers_poses(name):
    net = PAIR_NETWORKS[name]().eval()
    with torch.inference_mode():
        answer = net(*pair(net.size))
        T = net.pose_of(answer)
    assert answer.shape == (2, 6)
    rotation = T[:, :3, :3]
    torch.testing.assert_close(rotation @ rotation.transpose(1, 2), torch.eye(3).expand(2, 3, 3), rtol=0, atol=1e-5)


def test_the_poses_of_both_regressors_differ_as_their_papers_do():
    twist = torch.tensor([[0.3, 0.0, 0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)
    T_alexnet, T_siame = (PAIR_NETWORKS[name].pose_of(twist)[0] for name in ("alexnet", "siame_se3"))
    torch.testing.assert_close(T_alexnet[:3, :3], T_siame[:3, :3])
    assert T_alexnet[:3, 3].tolist() == [0.3, 0.0, 0.0]
    turned = [0.3 * np.sin(1), 0.3 * (1 - np.cos(1)), 0.0]  # along a circle
    np.testing.assert_allclose(T_siame[:3, 3].numpy(), turned, atol=1e-12)


@pytest.mark.parametrize("name", list(PAIR_NETWORKS))
def test_weights_come_back_in_half_precision_and_are_small(name, tmp_path):
    net = PAIR_NETWORKS[name]().eval()
    save_pair_network(tmp_path, name, net, {"seed": 3})
    again, sha256 = load_pair_network(tmp_path, name)
    assert json.loads((tmp_path / CONFIG).read_text())["sha256"] == sha256
    assert (tmp_path / WEIGHTS).stat().st_size < 8e6
    for (key, a), b in zip(net.state_dict().items(), again.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-7, msg=key)
    assert next(again.parameters()).dtype is torch.float32
    assert not again.training


def edit(folder, **values):
    path = folder / CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / CONFIG).unlink(), "alexnet: cannot read .*no such file"),
        (lambda f: (f / CONFIG).write_text("[]"), r"expected the network 'alexnet', got \[\]"),
        (lambda f: edit(f, network="siame_se3"), "expected the network 'alexnet', got 'siame_se3'"),
        (lambda f: edit(f, version=2), "version"),
        (lambda f: edit(f, sha256="0" * 64), "sha256"),
        (lambda f: (f / WEIGHTS).write_bytes(b"nonsense"), "cannot read"),
    ],
)
def test_a_foreign_or_spoilt_folder_is_named_in_one_line(spoil, message, tmp_path):
    save_pair_network(tmp_path, "alexnet", PAIR_NETWORKS["alexnet"](), {})
    spoil(tmp_path)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_pair_network(tmp_path, "alexnet")
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_do_not_fit(tmp_path):
    save_pair_network(tmp_path, "alexnet", PAIR_NETWORKS["siame_se3"](), {})
    with pytest.raises(CheckpointError, match="do not fit the network"):
        load_pair_network(tmp_path, "alexnet")


def test_brightness_and_contrast_of_an_image_do_not_count():
    image = np.random.default_rng(0).integers(20, 120, (12, 16, 3)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    a, b = grey_input(image, (16, 12)), grey_input(2 * image, (16, 12))
    assert a.shape == (1, 1, 12, 16)
    torch.testing.assert_close(a, b, rtol=0, atol=0.05)
    assert grey_input(np.full((48, 64, 3), 7, np.uint8), (16, 12)).abs().max() == 0


def test_the_flow_network_answers_flow_of_any_size_that_eight_divides():
    net = compact_flow.CompactFlow().eval()
    with torch.inference_mode():
        flow, coarse = net(*pair((96, 64), 1), steps=2)
    assert flow.shape == (1, 2, 64, 96)
    assert [tuple(cells.shape) for cells in coarse] == [(1, 2, 8, 12)] * 2


def test_correlations_are_looked_up_where_the_flow_points():
    torch.manual_seed(0)
    first, second = torch.randn(2, 1, 64, 6, 7)
    pyramid = compact_flow._correlations(first, second)
    places = compact_flow._grid(first) + torch.tensor([1.0, -1.0])[None, :, None, None]
    found = compact_flow._look_up(pyramid, places)
    window = 2 * compact_flow._RADIUS + 1
    middle = found[0, window**2 // 2]  # of the finest level
    expected = (first[0, :, 1:, :-1] * second[0, :, :-1, 1:]).sum(0) / 8
    torch.testing.assert_close(middle[1:, :-1], expected, rtol=1e-4, atol=1e-4)
    beside = found[0, window**2 // 2 + 1]  # one cell to the right
    torch.testing.assert_close(beside[1:, :-2], (first[0, :, 1:, :-2] * second[0, :, :-1, 2:]).sum(0) / 8)


def test_a_constant_flow_stays_constant_when_it_is_upsampled():
    flow = torch.tensor([0.5, -0.25])[None, :, None, None].expand(1, 2, 3, 4)
    fine = compact_flow._upsampled(flow, torch.randn(1, 9 * 64, 3, 4))
    assert fine.shape == (1, 2, 24, 32)
    torch.testing.assert_close(fine, 8 * torch.tensor([0.5, -0.25])[None, :, None, None].expand_as(fine))
