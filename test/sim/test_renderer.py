import threading

import numpy as np
import pytest

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim import bullet, egl
from depth_pc_ros.sim.bullet import BulletClient
from depth_pc_ros.sim.renderer import BACKGROUND_RGB, Light, Renderer

ODD = Intrinsics(540.0, 515.0, 331.3, 228.7, 640, 480)  # unequal focal lengths, principal point off the centre
SMALL = Intrinsics(135.0, 135.0, 79.5, 59.5, 160, 120)


@pytest.fixture
def client(renderer):
    client = BulletClient(renderer)
    yield client
    client.close()


def add_box(client, half, position, rgba=(0.8, 0.3, 0.2, 1.0)) -> int:
    shape = client.createVisualShape(client.GEOM_BOX, halfExtents=half, rgbaColor=rgba)
    return client.createMultiBody(0, -1, shape, basePosition=position)


def rays(intrinsics: Intrinsics) -> np.ndarray:
    u, v = np.meshgrid(np.arange(intrinsics.width), np.arange(intrinsics.height))
    return intrinsics.unproject(np.stack([u, v], axis=-1), np.ones(u.shape))


@pytest.mark.parametrize("eye", [(0.6, 0.0, 0.5), (0.0, 0.6, 0.5), (-0.3, -0.2, 0.7)])
def test_depth_of_a_slanted_plane_is_that_of_the_rays(client, eye):
    add_box(client, [3, 3, 0.05], [0, 0, -0.05])
    T = se3.look_at(np.array(eye), np.array([0.02, 0.01, 0.0]), np.array([0.3, 1.0, 0.0]))
    renderer = Renderer(client)
    _, depth_m, _ = renderer.render(T, ODD)
    expected = -T[2, 3] / (rays(ODD) @ T[:3, :3].T)[..., 2]
    hit = (expected > 0.1) & (expected < 3)
    error = np.abs(depth_m - expected)[hit]
    if renderer.name == "TinyRenderer":
        # Depth changes by this much per pixel, so a depth error is a projection error in pixels.
        slope = np.hypot(*np.gradient(expected))[hit]
        assert (error / slope).max() < 0.01
    else:
        step = expected[hit] ** 2 / (0.1 * 2**16)
        assert (error / step).max() < 0.8


def test_silhouettes_are_where_the_corners_project(client):
    """Squares that face the camera cover exactly the pixel centres between their projected edges."""
    renderer = Renderer(client)
    rng = np.random.default_rng(0)
    small = Intrinsics(135.0, 128.0, 83.3, 57.4, 160, 120)
    body = add_box(client, [0.05, 0.04, 0.001], [0, 0, 0])
    for x, y, z in rng.uniform((-0.2, -0.15, 0.5), (0.2, 0.15, 0.9), (25, 3)):
        client.resetBasePositionAndOrientation(body, [x, y, z + 0.001], [0, 0, 0, 1])
        _, depth_m, _ = renderer.render(np.eye(4), small)
        hit = np.abs(depth_m - z) < 2e-4
        edges = np.array([small.project([x - 0.05, y - 0.04, z]), small.project([x + 0.05, y + 0.04, z])]).T
        covered = [np.flatnonzero(hit.any(axis=0)), np.flatnonzero(hit.any(axis=1))]
        for (low, high), pixels in zip(edges, covered, strict=True):
            if np.abs([low - np.round(low), high - np.round(high)]).min() > 0.01:  # a hundredth may go either way
                assert (pixels[0], pixels[-1]) == (np.ceil(low), np.floor(high))


def test_nothing_hit_is_zero_depth_background_and_minus_one(client):
    body = add_box(client, [0.05, 0.05, 0.05], [0, 0, 0.5])
    rgb, depth_m, segmentation = Renderer(client).render(np.eye(4), SMALL, with_segmentation=True)
    assert rgb.shape == (120, 160, 3)
    assert rgb.dtype == np.uint8
    assert depth_m.dtype == np.float32
    assert depth_m[0, 0] == 0
    assert tuple(rgb[0, 0]) == BACKGROUND_RGB
    assert segmentation[0, 0] == -1
    assert segmentation[60, 80] == body
    assert depth_m[60, 80] == pytest.approx(0.45, abs=1e-4)


def test_light_direction_changes_the_shading(client):
    add_box(client, [0.1, 0.1, 0.1], [0, 0, 0.5])
    bright = Renderer(client, Light(direction=(0, 0, -1))).render(np.eye(4), SMALL)[0]
    dark = Renderer(client, Light(direction=(0, 0, 1))).render(np.eye(4), SMALL)[0]
    assert bright[60, 80].sum() > dark[60, 80].sum() + 50


def test_clients_and_threads_do_not_disturb_each_other(renderer):
    first, second = BulletClient(renderer), BulletClient(renderer)
    try:
        add_box(first, [0.1, 0.1, 0.1], [0, 0, 0.5])
        add_box(second, [0.05, 0.05, 0.05], [0.1, 0, 0.5], (0.1, 0.2, 0.9, 1))
        renderers = Renderer(first), Renderer(second)
        images = [r.render(np.eye(4), SMALL)[0] for r in renderers]
        assert (images[0] != images[1]).any()
        for r, image in zip(renderers, images, strict=True):
            assert np.array_equal(r.render(np.eye(4), SMALL)[0], image)
        from_thread = []
        worker = threading.Thread(target=lambda: from_thread.append(renderers[0].render(np.eye(4), SMALL)[0]))
        worker.start()
        worker.join()
        assert np.array_equal(from_thread[0], images[0])
        first.close()
        assert np.array_equal(renderers[1].render(np.eye(4), SMALL)[0], images[1])
    finally:
        first.close()
        second.close()


def test_nothing_is_printed(renderer, capfd):
    client = BulletClient(renderer)
    add_box(client, [0.1, 0.1, 0.1], [0, 0, 0.5])
    Renderer(client).render(np.eye(4), SMALL)
    client.close()
    assert capfd.readouterr() == ("", "")


def test_nan_pose_is_refused():
    client = BulletClient("tiny")
    with pytest.raises(ValueError, match="T_world_cam"):
        Renderer(client).render(np.full((4, 4), np.nan), SMALL)
    client.close()


def test_unknown_renderer_is_refused():
    with pytest.raises(SceneError, match=r"renderer.*'vulkan'"):
        BulletClient("vulkan")


def test_without_egl_the_tiny_renderer_takes_over(monkeypatch):
    def missing():
        raise OSError("libEGL.so.1: cannot open shared object file")

    monkeypatch.setattr(egl, "_library", missing)
    monkeypatch.setattr(bullet, "egl_works", egl.egl_works.__wrapped__)
    client = BulletClient()
    assert client.renderer_name == "TinyRenderer"
    client.close()
    with pytest.raises(SceneError, match="libegl1"):
        BulletClient("egl")
