"""The learned front end with random weights: keypoints, rotation, matches, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from depth_pc_ros.config import LEARNED_MATCHERS, MatcherConfig
from depth_pc_ros.errors import ConfigError, GoalTextureError, ImageError
from depth_pc_ros.perception.factory import make_detecting_matcher, make_matcher
from depth_pc_ros.perception.learned_matcher import rotated_pixels

kornia = pytest.importorskip("kornia.feature", reason="the learned front end needs kornia, which is not installed")

KINDS = [
    pytest.param(kind, marks=pytest.mark.skipif(not hasattr(kornia, kind.upper()), reason=f"this kornia has no {kind}"))
    for kind in LEARNED_MATCHERS
]


def first_names(state: dict) -> dict:
    """LightGlue's weights under the names that its published files have."""
    named = {}
    for key, value in state.items():
        parts = key.split(".")
        if parts[0] == "transformers":
            parts[:3] = [parts[2], parts[1]]
        named[".".join(parts)] = value
    return {key: value for key, value in named.items() if key != "confidence_thresholds"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Files of random weights, laid out like the published ones."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    torch.save({"extractor": kornia.DISK().state_dict()}, folder / "disk.pth")
    if hasattr(kornia, "ALIKED"):
        torch.save(kornia.ALIKED().state_dict(), folder / "aliked.pth")
    torch.save(first_names(kornia.LightGlue(features=None, input_dim=128).state_dict()), folder / "lightglue.pth")
    return folder


@pytest.fixture
def config(weights):
    def make(kind="disk", **changes) -> MatcherConfig:
        values = {"matcher": kind, "max_keypoints": 300, "refine": False, "track": False}
        files = {"matcher_weights": weights / f"{kind}.pth", "lightglue_weights": weights / "lightglue.pth"}
        return MatcherConfig(**{**values, **{name: str(path) for name, path in files.items()}, **changes})

    return make


@pytest.fixture
def nearest(monkeypatch):
    """Puts mutual nearest neighbours in the place of LightGlue, whose random weights match nothing."""

    def glue(pair):
        first, second = pair["image0"], pair["image1"]
        for each in (first, second):
            assert (each["keypoints"] >= 0).all()
            assert (each["keypoints"] <= each["image_size"][:, None] - 1).all()
        alike = first["descriptors"][0] @ second["descriptors"][0].T
        there, back = alike.argmax(1), alike.argmax(0)
        index = torch.arange(len(there))
        mutual = (back[there] == index) & (alike.max(1).values > 0.999)
        return {"matches": [torch.stack([index, there], 1)[mutual]], "scores": [alike.max(1).values[mutual]]}

    def use(matcher):
        monkeypatch.setattr(matcher, "_lightglue", glue)
        return matcher

    return use


@pytest.fixture
def small(plane, T_world_goal, intrinsics):
    """An image of 192x144, and its camera."""
    K = intrinsics.matrix * [[0.3], [0.3], [1]]
    camera = type(intrinsics).from_matrix(K, 192, 144)
    return plane.view(T_world_goal, camera), camera


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3, -1])
def test_rotated_pixels_show_what_the_pixels_showed(quarter_turns):
    image = np.random.default_rng(0).permutation(12 * 7).reshape(7, 12)
    pixels = np.array([[0, 0], [11, 0], [4, 5], [10, 6]])
    moved = rotated_pixels(pixels, quarter_turns, (12, 7))
    np.testing.assert_array_equal(
        np.rot90(image, quarter_turns)[moved[:, 1], moved[:, 0]], image[pixels[:, 1], pixels[:, 0]]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_keypoints_of_a_rotated_image_are_in_pixels_of_the_given_image(kind, quarter_turns, config, small):
    matcher = make_detecting_matcher(config(kind))
    upright = matcher.detect_rotated(small[0], 0)
    image = np.ascontiguousarray(np.rot90(small[0], quarter_turns))
    found = matcher.detect_rotated(image, -quarter_turns % 4)
    assert 100 < len(found.points) <= 300
    assert found.points.shape == (len(found.descriptors), 2)
    assert found.descriptors.shape[1] == 128
    np.testing.assert_allclose(found.points, rotated_pixels(upright.points, quarter_turns, (192, 144)))
    np.testing.assert_allclose(found.for_lightglue()["keypoints"][0], upright.points, atol=1e-4)
    assert found.for_lightglue()["image_size"].tolist() == [[192, 144]]


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_a_rotated_image_matches_and_the_next_is_tried_with_that_rotation_first(
    quarter_turns, config, small, nearest, monkeypatch
):
    image, camera = small
    matcher = nearest(make_detecting_matcher(config()))
    count = matcher.set_goal(image, camera)
    live = np.ascontiguousarray(np.rot90(image, quarter_turns))
    matches = matcher.match(live)
    assert len(matches.matched) == count
    assert matches.num_matched > 0.9 * count
    moved = rotated_pixels(matcher.goal_points, quarter_turns, (192, 144))
    np.testing.assert_allclose(matches.current_points[matches.matched], moved[matches.matched])

    tried = []
    detect = matcher.detect_rotated
    monkeypatch.setattr(
        matcher,
        "detect_rotated",
        lambda image, quarter_turns: tried.append(quarter_turns) or detect(image, quarter_turns),
    )
    matcher.match(live)
    assert tried == [-quarter_turns % 4]
    matcher.forget()
    matcher.match(live)
    assert tried[1] == 0


def test_tracking_and_alignment_work_on_top(config, small, nearest):
    image, camera = small
    tracker = make_matcher(config(refine=True, track=True))
    nearest(tracker._matcher._matcher)
    tracker.set_goal(image, camera)
    first = tracker.match(image)
    assert first.num_matched > 100
    moved = tracker.match(np.roll(image, 2, axis=1))
    both = first.matched & moved.matched
    assert np.count_nonzero(both) > 0.7 * first.num_matched
    shift = moved.current_points[both] - first.current_points[both]
    np.testing.assert_allclose(np.median(shift, axis=0), [2, 0], atol=0.05)


def test_masked_places_have_no_keypoints(config, small, nearest):
    image, camera = small
    matcher = nearest(make_detecting_matcher(config()))
    mask = np.zeros(image.shape[:2], bool)
    mask[:, :120] = True
    matcher.set_goal(image, camera, mask)
    assert (matcher.goal_points[:, 0] < 120).all()
    matches = matcher.match(image)
    assert matches.num_matched > 50
    assert (matches.current_points[matches.matched, 0] < 120).all()


def test_a_tracker_that_forgets_starts_upright_again(config, small, nearest):
    image, camera = small
    tracker = make_matcher(config(refine=True, track=True))
    nearest(tracker._matcher._matcher)
    tracker.set_goal(image, camera)
    live = np.ascontiguousarray(np.rot90(image, 2))
    tracker.match(live)
    assert tracker.detect(np.roll(live, 60, axis=0)).features.quarter_turns == 2
    tracker.forget()
    assert tracker.detect(live).quarter_turns == 0


def test_images_without_keypoints(config, small, nearest):
    image, camera = small
    matcher = nearest(make_detecting_matcher(config()))
    count = matcher.set_goal(image, camera)
    matcher._detector.unet.forward = lambda pixels: torch.zeros(1, 129, *pixels.shape[2:])
    assert matcher.match(image).num_matched == 0
    with pytest.raises(GoalTextureError, match="disk finds 0 keypoints"):
        matcher.set_goal(image, camera)
    assert len(matcher.goal_points) == count


def test_a_network_that_fails_is_an_image_error(config, small):
    matcher = make_detecting_matcher(config())

    def fail(pixels):
        raise RuntimeError("out of memory")

    matcher._detector.unet.forward = fail
    with pytest.raises(ImageError, match=r"disk failed: out of memory"):
        matcher.detect(small[0])


@pytest.mark.parametrize("name", ["matcher_weights", "lightglue_weights"])
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (None, "disk needs a file of weights, got ''"),
        ("gone.pth", "disk needs a file of weights, got '.*gone.pth'"),
        ("text.pth", "expected weights of (DISK|LightGlue), .*text.pth cannot be read"),
        ("other", "expected weights of (DISK|LightGlue), .*lacks [0-9]+ of them"),
        ("wide.pth", "expected weights of (DISK|LightGlue), .*wide.pth cannot be read: .*size mismatch"),
    ],
)
def test_weights_that_cannot_be_used_are_refused_at_set_up(name, file, expected, config, weights, tmp_path):
    (tmp_path / "text.pth").write_text("no weights")
    networks = {"matcher_weights": kornia.DISK(desc_dim=64), "lightglue_weights": kornia.LightGlue(None, input_dim=64)}
    torch.save(networks[name].state_dict(), tmp_path / "wide.pth")
    other = {"matcher_weights": weights / "lightglue.pth", "lightglue_weights": weights / "disk.pth"}
    path = "" if file is None else str(other[name] if file == "other" else tmp_path / file)
    with pytest.raises(ConfigError, match=f"^{name}: .*{expected}"):
        make_detecting_matcher(config(**{name: path}))


def test_weights_that_are_not_finite_are_refused_at_set_up(config, weights, tmp_path):
    state = torch.load(weights / "lightglue.pth", weights_only=True)
    name = next(name for name, values in state.items() if values.is_floating_point())
    state[name] = torch.full_like(state[name], torch.nan)
    torch.save(state, tmp_path / "nan.pth")
    with pytest.raises(ConfigError, match=r"^lightglue_weights: .*not finite"):
        make_detecting_matcher(config(lightglue_weights=str(tmp_path / "nan.pth")))


def test_without_kornia_the_error_says_what_to_install(config, monkeypatch):
    monkeypatch.setitem(sys.modules, "kornia.feature", None)
    with pytest.raises(ConfigError, match=r"^matcher: disk needs kornia \(pip install 'depth_pc_ros\[learned\]'"):
        make_detecting_matcher(config())


def test_only_a_learned_matcher_imports_torch():
    code = (
        "import sys; from depth_pc_ros.pipeline import ServoPipeline; ServoPipeline.from_config(controller='pbvs');"
        "assert 'torch' not in sys.modules and 'kornia' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
