import json

import cv2
import numpy as np
import pytest
import torch
from transformers import DepthAnythingForDepthEstimation

from depth_pc_ros.benchmark.depth_latency import official_small
from depth_pc_ros.errors import CheckpointError, ImageError
from depth_pc_ros.perception import depth_choice
from depth_pc_ros.perception.depth_choice import choose_depth_model
from depth_pc_ros.perception.relative_depth import RelativeDepth, network_input, network_size

OFFICIAL = "depth-anything/Depth-Anything-V2-Small-hf"


@pytest.fixture
def copy(tiny_depth_model, tmp_path):
    """A copy of it that a test may spoil."""
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_depth_model / name).read_bytes())
    return tmp_path


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """The hub without a network: its cache is an empty folder, which is returned."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.mark.parametrize(
    ("image", "expected"),
    [((640, 480), (336, 252)), ((480, 640), (252, 336)), ((1920, 1080), (448, 252)), ((100, 100), (252, 252))],
)
def test_the_network_sees_the_image_in_its_aspect_in_multiples_of_14(image, expected):
    size = network_size(*image)
    assert size == expected
    assert network_input(np.zeros((image[1], image[0], 3), np.uint8), size).shape == (1, 3, size[1], size[0])


def test_input_is_normalised_by_the_mean_and_deviation_of_imagenet():
    image = np.full((40, 40, 3), (124, 116, 104), np.uint8)  # about the mean
    np.testing.assert_allclose(network_input(image, (42, 42)).numpy(), 0.0, atol=0.02)


def test_answer_is_the_negated_network_output_at_the_image_size(tiny_depth_model):
    image = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    net = DepthAnythingForDepthEstimation.from_pretrained(tiny_depth_model).eval()
    with torch.no_grad():
        inverse = net(network_input(image, (112, 84))).predicted_depth[0].numpy()
    depth = RelativeDepth(str(tiny_depth_model), short_side=84)(image)
    assert depth.shape == (90, 120)
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, -cv2.resize(inverse, (120, 90)), atol=1e-6)


@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_images_have_finite_depth(tiny_depth_model, value):
    assert np.isfinite(
        RelativeDepth(str(tiny_depth_model), short_side=84)(np.full((480, 270, 3), value, np.uint8))
    ).all()


@pytest.mark.parametrize("image", [np.zeros((20, 20, 3), np.uint8), np.zeros((100, 100), np.uint8), None])
def test_tiny_and_grey_images_are_refused(tiny_depth_model, image):
    with pytest.raises(ImageError, match="image: expected"):
        RelativeDepth(str(tiny_depth_model), short_side=84)(image)


def test_an_answer_that_is_not_finite_is_an_error(tiny_depth_model):
    depth = RelativeDepth(str(tiny_depth_model), short_side=84)
    for parameter in depth._net.parameters():
        parameter.data.fill_(float("nan"))
    with pytest.raises(ImageError, match="not finite"):
        depth(np.zeros((84, 84, 3), np.uint8))


def test_unknown_name_without_network_names_model_folder_and_both_remedies(no_network):
    with pytest.raises(CheckpointError) as caught:
        RelativeDepth(OFFICIAL)
    for part in (OFFICIAL, "cache", "hf download", "depth_anything_tiny"):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["depth_anything_huge", "./owner/name", "/opt/typo", "~/model"])
def test_what_is_no_name_of_the_hub_is_not_looked_for_there(no_network, name):
    with pytest.raises(CheckpointError, match="expected a folder with config"):
        RelativeDepth(name)


def test_official_model_is_loaded_by_its_name_from_the_cache_of_the_hub(no_network):
    """Random weights under the real configuration of the Small model, where a download would put them."""
    repository = no_network / ("models--" + OFFICIAL.replace("/", "--"))
    snapshot = repository / "snapshots" / "0123"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0123")
    DepthAnythingForDepthEstimation(official_small()).save_pretrained(snapshot)
    depth = RelativeDepth(OFFICIAL, short_side=56)
    assert sum(p.numel() for p in depth._net.parameters()) == pytest.approx(24.8e6, rel=0.01)
    assert depth(np.zeros((60, 80, 3), np.uint8)).shape == (60, 80)


def test_auto_takes_the_model_that_ships_where_the_hub_cannot_be_reached_and_says_so(no_network):
    model, line = choose_depth_model("auto")
    assert model == "depth_anything_tiny"
    for part in ("depth_anything_tiny, which ships", OFFICIAL, "not in the hub's cache", "offline mode"):
        assert part in line
    assert "\n" not in line
    depth = RelativeDepth("auto", short_side=84)
    assert (depth.model, depth.choice) == (model, line)


def test_auto_takes_the_official_model_from_the_cache_or_the_hub(no_network, monkeypatch):
    class Metadata:
        size = 99_200_000

    asked = []
    monkeypatch.setattr(depth_choice, "get_hf_file_metadata", lambda url, timeout: asked.append(timeout) or Metadata)
    assert choose_depth_model("auto") == (OFFICIAL, f"depth model: {OFFICIAL}, 99 MB from the hub")
    assert asked == [5.0]
    repository = no_network / ("models--" + OFFICIAL.replace("/", "--"))
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0123")
    snapshot = repository / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    choose_depth_model("auto")  # half of it is no model
    assert len(asked) == 2
    (snapshot / "model.safetensors").write_bytes(b"")
    assert choose_depth_model("auto") == (OFFICIAL, f"depth model: {OFFICIAL}, from the hub's cache")
    assert len(asked) == 2


def test_a_name_is_taken_as_it_is(no_network):
    assert choose_depth_model("my/model") == ("my/model", "")


def test_truncated_weights_are_refused(copy):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match=r"depth model: .*cannot be"):
        RelativeDepth(str(copy))


def test_missing_weights_are_refused(copy):
    (copy / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"depth model: .*cannot be loaded"):
        RelativeDepth(str(copy))


@pytest.mark.parametrize("hidden", [8, 16])
def test_weights_of_another_size_are_refused(copy, depth_config, hidden):
    depth_config(hidden).save_pretrained(copy)
    with pytest.raises(CheckpointError, match="depth model"):
        RelativeDepth(str(copy))


def test_weights_with_other_keys_are_refused(copy, depth_config):
    depth_config(12, 8).save_pretrained(copy)
    with pytest.raises(CheckpointError, match="do not fit: missing keys"):
        RelativeDepth(str(copy))


def test_another_architecture_is_refused(copy):
    (copy / "config.json").write_text(json.dumps({"model_type": "dinov2"}))
    with pytest.raises(CheckpointError, match=r"expected a `depth_anything` model, .* holds 'dinov2'"):
        RelativeDepth(str(copy))


def test_unreadable_configuration_is_refused(copy):
    (copy / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        RelativeDepth(str(copy))


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
@pytest.mark.parametrize("device", ["cuda", "toaster"])
def test_a_device_that_is_not_there_is_named(tiny_depth_model, device):
    with pytest.raises(CheckpointError, match=f"device: .*{device}"):
        RelativeDepth(str(tiny_depth_model), device=device)


def test_a_model_of_metric_depth_is_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "depth_estimation_type": "metric", "max_depth": 20}))
    with pytest.raises(CheckpointError, match=r"expected one of relative depth, .* holds one of metric depth"):
        RelativeDepth(str(copy))


@pytest.mark.parametrize("wrong", [{"fusion_hidden_size": "x"}, {"backbone_config": 5}])
def test_values_of_a_wrong_type_in_the_configuration_are_refused(copy, wrong):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, **wrong}))
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        RelativeDepth(str(copy))


def with_config(folder, change) -> None:
    values = json.loads((folder / "config.json").read_text())
    change(values)
    (folder / "config.json").write_text(json.dumps(values))


FOREIGN = {
    "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForDepthEstimation": "own.OwnNet"},
    "custom_pipelines": {"depth": {"impl": "own.Pipeline"}},
    "quantization_config": {"quant_method": "bitsandbytes"},
    "_attn_implementation": "owner/kernel",
    "attn_implementation": "owner/kernel",
    "backbone": "owner/backbone",
    "use_pretrained_backbone": True,
    "use_timm_backbone": True,
}


@pytest.mark.parametrize("key", FOREIGN)
@pytest.mark.parametrize("nested", [False, True])
def test_a_model_that_names_code_from_elsewhere_is_refused_and_nothing_is_asked(copy, monkeypatch, key, nested):
    (copy / "own.py").write_text(f"open({str(copy / 'ran')!r}, 'w')\n")
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asks in the terminal"))
    with_config(copy, lambda values: (values["backbone_config"] if nested else values).update({key: FOREIGN[key]}))
    with pytest.raises(CheckpointError, match=f"^depth model: .* names code or weights from elsewhere.*: {key} "):
        RelativeDepth(str(copy))
    assert not (copy / "ran").exists()


@pytest.mark.parametrize("kind", ["own_depth", None, 3, ["depth_anything"]])
def test_a_model_of_foreign_type_with_code_is_refused_and_nothing_is_asked(copy, monkeypatch, kind):
    (copy / "own.py").write_text(f"open({str(copy / 'ran')!r}, 'w')\n")
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asks in the terminal"))
    with_config(copy, lambda values: values.update(model_type=kind, auto_map=FOREIGN["auto_map"]))
    with pytest.raises(CheckpointError, match=r"^depth model: expected a `depth_anything` model"):
        RelativeDepth(str(copy))
    assert not (copy / "ran").exists()


def test_pickled_weights_are_refused_and_not_run(copy):
    class Runs:
        def __reduce__(self):
            return open, (str(copy / "ran"), "w")

    (copy / "model.safetensors").unlink()
    torch.save({"weight": Runs()}, copy / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"^depth model: .*cannot be loaded: .*safetensors"):
        RelativeDepth(str(copy))
    assert not (copy / "ran").exists()


@pytest.mark.parametrize(
    "text",
    ["[]", "null", "{" * 3000, '{"model_type": ' + "9" * 5000 + "}", "\xff\xfe"],
    ids="list null deep long bytes".split(),
)
def test_a_configuration_that_is_none_is_one_line(copy, text):
    (copy / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointError, match=r"^depth model: ") as error:
        RelativeDepth(str(copy))
    assert "\n" not in str(error.value)
