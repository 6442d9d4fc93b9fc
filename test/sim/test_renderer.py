import threading

import moderngl
import numpy as np
import pytest

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim import gl_renderer
from depth_pc_ros.sim import renderer as renderer_module
from depth_pc_ros.sim.light import BACKGROUND_RGB, Light
from depth_pc_ros.sim.mesh import Mesh, plain, quads
from depth_pc_ros.sim.renderer import open_renderer

ODD = Intrinsics(540.0, 515.0, 331.3, 228.7, 640, 480)  # unequal focal lengths, principal point off the centre
SMALL = Intrinsics(135.0, 135.0, 79.5, 59.5, 160, 120)
AHEAD = np.eye(4)
SQUARE_UVS = np.array([[[0, 0], [1, 0], [1, 1], [0, 1]]], dtype=float)


def box(half, position, rgb=(0.8, 0.3, 0.2)) -> Mesh:
    """A box of one colour: half its edge lengths (3,) and its centre (3,) in metres."""
    corners, normals = [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            normal, up = sign * np.eye(3)[axis], np.eye(3)[(axis + 1) % 3]
            right = np.cross(up, normal)
            square = np.array([-right - up, right - up, right + up, -right + up])
            corners.append((normal + square) * half + position)
            normals.append(normal)
    return quads(corners, np.tile(SQUARE_UVS, (6, 1, 1)), np.array(normals), plain(rgb))


def poster(picture: np.ndarray, half_m: float) -> Mesh:
    """A picture upright before the camera at the origin, 0.5 m away: its upper edge is at -y, its left one at -x."""
    corners = half_m * np.array([[[-1, 1, 0], [1, 1, 0], [1, -1, 0], [-1, -1, 0]]]) + [0, 0, 0.5]
    return quads(corners, SQUARE_UVS, np.array([[0.0, 0.0, -1.0]]), picture)


@pytest.fixture(params=["tiny", "egl", "mujoco"])
def renderer(request) -> str:
    return "tiny" if request.param == "tiny" else request.getfixturevalue(request.param)


@pytest.fixture(params=["egl", "mujoco"])
def filtering(request) -> str:
    """A renderer that filters textures."""
    return request.getfixturevalue(request.param)


def opened_as(renderer: str, meshes, light: Light | None = None):
    """A renderer of these meshes: PyBullet's or ours as `open_renderer` makes them, or MuJoCo's."""
    if renderer != "mujoco":
        return open_renderer(meshes, renderer, light)
    from depth_pc_ros.sim.mujoco_gl import mujoco
    from depth_pc_ros.sim.mujoco_model import scene_spec
    from depth_pc_ros.sim.mujoco_renderer import MujocoRenderer

    model = scene_spec(meshes, light or Light()).compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return MujocoRenderer(model, data)


@pytest.fixture
def look(renderer):
    """Draw meshes once: look(meshes, T_world_cam, intrinsics, light) gives rgb and depth_m."""
    opened = []

    def look(meshes, T_world_cam=AHEAD, intrinsics=SMALL, light=None):
        opened.append(opened_as(renderer, meshes, light))
        return opened[-1].render(T_world_cam, intrinsics)

    yield look
    for each in opened:
        each.close()


def rays(intrinsics: Intrinsics) -> np.ndarray:
    u, v = np.meshgrid(np.arange(intrinsics.width), np.arange(intrinsics.height))
    return intrinsics.unproject(np.stack([u, v], axis=-1), np.ones(u.shape))


@pytest.mark.parametrize("eye", [(0.6, 0.0, 0.5), (0.0, 0.6, 0.5), (-0.3, -0.2, 0.7)])
def test_depth_of_a_slanted_plane_is_that_of_the_rays(look, renderer, eye):
    T = se3.look_at(np.array(eye), np.array([0.02, 0.01, 0.0]), np.array([0.3, 1.0, 0.0]))
    _, depth_m = look([box([3, 3, 0.05], [0, 0, -0.05])], T, ODD)
    expected = -T[2, 3] / (rays(ODD) @ T[:3, :3].T)[..., 2]
    hit = (expected > 0.1) & (expected < 3)
    error = np.abs(depth_m - expected)[hit]
    # Depth changes by this much per pixel, so a depth error is a projection error in pixels.
    slope = np.hypot(*np.gradient(expected))[hit]
    assert (error / slope).max() < 0.01
    if renderer != "tiny":
        assert error.max() < 2e-5


def test_silhouettes_are_where_the_corners_project(renderer):
    """Squares that face the camera cover exactly the pixel centres between their projected edges."""
    rng = np.random.default_rng(0)
    small = Intrinsics(135.0, 128.0, 83.3, 57.4, 160, 120)
    opened = opened_as(renderer, [box([0.05, 0.04, 0.001], [0, 0, 0.001])])
    for x, y, z in rng.uniform((-0.2, -0.15, 0.5), (0.2, 0.15, 0.9), (25, 3)):
        _, depth_m = opened.render(se3.from_rt(np.eye(3), np.array([-x, -y, -z])), small)
        hit = np.abs(depth_m - z) < 2e-4
        edges = np.array([small.project([x - 0.05, y - 0.04, z]), small.project([x + 0.05, y + 0.04, z])]).T
        covered = [np.flatnonzero(hit.any(axis=0)), np.flatnonzero(hit.any(axis=1))]
        for (low, high), pixels in zip(edges, covered, strict=True):
            if np.abs([low - np.round(low), high - np.round(high)]).min() > 0.01:  # a hundredth may go either way
                assert (pixels[0], pixels[-1]) == (np.ceil(low), np.floor(high))
    opened.close()


def test_pictures_are_upright(look):
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:32, :32], picture[:32, 32:], picture[32:, :32] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    rgb, _ = look([poster(picture, 0.15)], light=Light(ambient=1.0, diffuse=0.0))
    corners = [rgb[v, u].tolist() for v in (40, 80) for u in (60, 100)]
    assert corners == [[250, 0, 0], [0, 250, 0], [0, 0, 250], [0, 0, 0]]


def test_edges_in_a_picture_lie_where_they_project(filtering):
    """The edge between a dark and a bright half, measured to a hundredth of a pixel by the area of the dark half."""
    picture = np.zeros((256, 256, 3), np.uint8)
    picture[:, 128:] = 250
    opened = opened_as(filtering, [poster(picture, 0.4)], Light(ambient=1.0, diffuse=0.0))
    for x, y in np.random.default_rng(1).uniform(-0.05, 0.05, (10, 2)):
        for orientation in (AHEAD, np.diag([-1.0, -1.0, 1.0, 1.0])):
            T = se3.from_rt(orientation[:3, :3], np.array([x, y, 0.0]))
            rgb, _ = opened.render(T, ODD)
            u, v = ODD.project((se3.inverse(T) @ [0, 0, 0.5, 1])[:3])
            row = rgb[round(v), 180:480, 0] / 250.0
            dark = (1 - row).sum() if orientation[0, 0] > 0 else row.sum()
            assert 180 + dark - 0.5 == pytest.approx(u, abs=0.1)
    opened.close()


def test_fine_detail_far_away_is_averaged(filtering):
    picture = np.indices((1024, 1024)).sum(axis=0)[..., None].repeat(3, axis=2) % 2 * 200
    opened = opened_as(filtering, [poster(picture.astype(np.uint8), 0.1)], Light(ambient=1.0, diffuse=0.0))
    middle = opened.render(AHEAD, SMALL)[0][50:70, 70:90]
    assert np.abs(middle.astype(int) - 100).max() <= 2
    opened.close()


def test_nothing_hit_is_zero_depth_and_background(look):
    rgb, depth_m = look([box([0.05, 0.05, 0.05], [0, 0, 0.5])])
    assert rgb.shape == (120, 160, 3)
    assert rgb.dtype == np.uint8
    assert depth_m.dtype == np.float32
    assert depth_m[0, 0] == 0
    assert tuple(rgb[0, 0]) == BACKGROUND_RGB
    assert depth_m[60, 80] == pytest.approx(0.45, abs=1e-5)


def test_light_shades_by_direction_colour_and_coefficients(look, renderer):
    cube = [box([0.1, 0.1, 0.1], [0, 0, 0.5], (0.4, 0.4, 0.4))]

    def middle(**light):
        return look(cube, light=Light(**light))[0][60, 80] / 255 / 0.4

    def about(*shades):
        return pytest.approx([min(shade, 1.0) if renderer == "mujoco" else shade for shade in shades], abs=0.02)

    assert middle(direction=(0, 0, -2)) == about(1.05, 1.05, 1.05)
    assert middle(direction=(0, 0, 2)) == about(0.6, 0.6, 0.6)
    assert middle(direction=(0, 3, -3), ambient=0.5, diffuse=1.0) == about(1.207, 1.207, 1.207)
    assert middle(direction=(0, 0, -1), colour=(1.0, 0.5, 0.0)) == about(1.05, 0.825, 0.6)


def test_renderers_and_threads_do_not_disturb_each_other(renderer):
    first = opened_as(renderer, [box([0.1, 0.1, 0.1], [0, 0, 0.5])])
    second = opened_as(renderer, [box([0.05, 0.05, 0.05], [0.1, 0, 0.5], (0.1, 0.2, 0.9))])
    images = [each.render(AHEAD, SMALL)[0] for each in (first, second)]
    assert (images[0] != images[1]).any()
    for each, image in zip((first, second), images, strict=True):
        assert each.render(AHEAD, ODD)[0].shape == (480, 640, 3)
        assert np.array_equal(each.render(AHEAD, SMALL)[0], image)
    from_thread = []
    worker = threading.Thread(target=lambda: from_thread.append(first.render(AHEAD, SMALL)[0]))
    worker.start()
    worker.join()
    assert np.array_equal(from_thread[0], images[0])
    first.close()
    assert np.array_equal(second.render(AHEAD, SMALL)[0], images[1])
    second.close()


def test_nothing_is_printed(renderer, capfd):
    opened = opened_as(renderer, [box([0.1, 0.1, 0.1], [0, 0, 0.5])])
    opened.render(AHEAD, SMALL)
    opened.close()
    assert capfd.readouterr() == ("", "")


def test_nan_pose_is_refused(renderer):
    opened = opened_as(renderer, [])
    with pytest.raises(ValueError, match="T_world_cam"):
        opened.render(np.full((4, 4), np.nan), SMALL)
    opened.close()


def test_unknown_renderer_is_refused():
    with pytest.raises(SceneError, match=r"renderer.*'vulkan'"):
        open_renderer([], "vulkan")


def test_without_egl_the_tiny_renderer_takes_over(monkeypatch):
    def fails(**_):
        raise Exception("libEGL.so.1 not loaded")

    monkeypatch.setattr(moderngl, "create_context", fails)
    monkeypatch.setattr(gl_renderer, "_gl", gl_renderer._gl.__wrapped__)
    monkeypatch.setattr(renderer_module, "egl_works", gl_renderer.egl_works)
    opened = open_renderer([])
    assert opened.name == "TinyRenderer"
    opened.close()
    with pytest.raises(SceneError, match="libegl1"):
        open_renderer([], "egl")
