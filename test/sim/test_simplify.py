import numpy as np

from depth_pc_ros.sim.simplify import simplify, vertex_normals


def sphere(rows: int = 40, columns: int = 60, radius: float = 0.05):
    """A sphere with a seam at longitude 0: uv is (longitude, latitude)."""
    longitude, latitude = np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1)
    uvs = np.stack(np.meshgrid(longitude, latitude), axis=-1).reshape(-1, 2)
    theta, phi = 2 * np.pi * longitude[:-1], np.pi * latitude[1:-1]
    ring = np.stack(
        [
            np.outer(np.sin(phi), np.cos(theta)),
            np.outer(np.sin(phi), np.sin(theta)),
            np.outer(np.cos(phi), 0 * theta + 1),
        ],
        axis=-1,
    )
    vertices = radius * np.concatenate([ring.reshape(-1, 3), [[0, 0, 1], [0, 0, -1]]])

    def vertex(i, j):
        if i in (0, rows):
            return len(vertices) - (2 if i == 0 else 1)
        return (i - 1) * columns + j % columns

    faces, face_uvs = [], []
    for i in range(rows):
        for j in range(columns):
            quad = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
            for triangle in ((0, 1, 2), (0, 2, 3)):
                corners = [vertex(*quad[k]) for k in triangle]
                if len(set(corners)) == 3:
                    faces.append(corners)
                    face_uvs.append([quad[k][0] * (columns + 1) + quad[k][1] for k in triangle])
    return vertices, uvs, np.array(faces), np.array(face_uvs)


def test_fewer_faces_on_the_same_surface_with_the_same_texture():
    vertices, uvs, faces, face_uvs = sphere()
    small_vertices, small_uvs, small_faces, small_face_uvs, normals = simplify(vertices, uvs, faces, face_uvs, 1500)
    assert len(small_faces) <= 1500 < len(faces)
    # Kept vertices are old ones; the middles of the new triangles stay within half a millimetre of the sphere.
    assert np.allclose(np.linalg.norm(small_vertices, axis=1), 0.05)
    middles = np.linalg.norm(small_vertices[small_faces].mean(axis=1), axis=1)
    assert middles.min() > 0.05 - 0.0008
    assert np.sum(normals * small_vertices, axis=1).min() > 0.045
    # Each corner still carries the uv of its place (the latitude; the longitude where it is defined).
    corner_uv, corner = small_uvs[small_face_uvs], small_vertices[small_faces]
    assert np.abs(np.cos(np.pi * corner_uv[..., 1]) - corner[..., 2] / 0.05).max() < 1e-9
    radius = np.hypot(corner[..., 0], corner[..., 1])
    off = radius * np.cos(2 * np.pi * corner_uv[..., 0]) - corner[..., 0]
    assert np.abs(off).max() < 1e-9


def test_surface_stays_closed():
    _, _, faces, _, _ = simplify(*sphere(), 1500)
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    _, uses = np.unique(edges, axis=0, return_counts=True)
    assert (uses == 2).all()


def test_small_meshes_pass_unchanged():
    vertices, uvs, faces, face_uvs = sphere(6, 8)
    out = simplify(vertices, uvs, faces, face_uvs, 1000)
    assert np.array_equal(out[0], vertices)
    assert np.array_equal(out[2], faces)


def test_normals_point_outwards():
    vertices, _, faces, _ = sphere()
    assert np.sum(vertex_normals(vertices, faces) * vertices, axis=1).min() > 0.0499
