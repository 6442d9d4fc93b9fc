"""Fewer triangles for a textured mesh, by half-edge collapses.

Both renderers transform every vertex for every image; a scanned object looks the same with a quarter of them.
Vertices on texture seams and open edges stay, so the texture stays where it was.
Source: M. Garland, P. Heckbert, "Surface simplification using quadric error metrics", 1997; collapses that do not
touch each other are done together.
"""

import numpy as np
from scipy.sparse import coo_array

_MAX_PASSES = 60
_SHARE_PER_PASS = 0.3
_MIN_NORMAL_COSINE = 0.5
_MAX_ERROR_M = 0.0004


def simplify(vertices, uvs, faces, face_uvs, max_faces: int):
    """A mesh of about `max_faces` triangles, or more where seams or a surface error of 0.4 mm forbid it.

    vertices (V, 3) in metres; uvs (T, 2); faces and face_uvs (F, 3) indices of vertices and uvs.
    Returns vertices, uvs, faces, face_uvs and unit vertex normals (V, 3) of the smaller mesh.
    """
    normals = vertex_normals(vertices, faces)
    quadrics = _quadrics(vertices, faces)
    locked = _seam_vertices(faces, face_uvs, len(vertices))
    for _ in range(_MAX_PASSES):
        if len(faces) <= max_faces:
            break
        target, target_uv, cost = _best_collapses(vertices, quadrics, locked, faces, face_uvs)
        chosen = _independent(cost, faces, min(_SHARE_PER_PASS, (len(faces) - max_faces) / len(faces)))
        if not chosen.any():
            break
        removed = np.flatnonzero(chosen)
        np.add.at(quadrics, target[removed], quadrics[removed])
        moved = chosen[faces]
        face_uvs = np.where(moved, target_uv[faces], face_uvs)
        faces = np.where(moved, target[faces], faces)
        a, b, c = faces.T
        solid = (a != b) & (b != c) & (a != c)
        faces, face_uvs = faces[solid], face_uvs[solid]
    kept, faces = np.unique(faces, return_inverse=True)
    kept_uv, face_uvs = np.unique(face_uvs, return_inverse=True)
    return vertices[kept], uvs[kept_uv], faces.reshape(-1, 3), face_uvs.reshape(-1, 3), normals[kept]


def vertex_normals(vertices, faces) -> np.ndarray:
    """Unit normals (V, 3), the area-weighted mean of the adjoining triangles (F, 3)."""
    face_normals = _face_normals(vertices, faces)
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, faces[:, k], face_normals)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-15)


def _face_normals(vertices, faces) -> np.ndarray:
    """Normals (F, 3) of twice the triangles' area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def _quadrics(vertices, faces) -> np.ndarray:
    """Sum of squared distances to the planes around each vertex, as forms (V, 4, 4), weighted by area."""
    normals = _face_normals(vertices, faces)
    area = np.linalg.norm(normals, axis=1, keepdims=True)
    unit = normals / np.maximum(area, 1e-15)
    plane = np.concatenate([unit, -np.sum(unit * vertices[faces[:, 0]], axis=1, keepdims=True)], axis=1)
    forms = area[:, :, None] * plane[:, :, None] * plane[:, None, :]
    quadrics = np.zeros((len(vertices), 4, 4))
    for k in range(3):
        np.add.at(quadrics, faces[:, k], forms)
    return quadrics


def _seam_vertices(faces, face_uvs, count: int) -> np.ndarray:
    """Which vertices (count,) carry several texture vertices or lie on an edge without two faces."""
    pairs = np.unique(np.stack([faces.ravel(), face_uvs.ravel()], axis=1), axis=0)
    seam = np.bincount(pairs[:, 0], minlength=count) > 1
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    edges, uses = np.unique(edges, axis=0, return_counts=True)
    seam[edges[uses != 2].ravel()] = True
    return seam


def _best_collapses(vertices, quadrics, locked, faces, face_uvs):
    """For each vertex the neighbour it should merge into, that neighbour's uv, and the cost (V,), inf where illegal."""
    v = np.concatenate([faces, faces], axis=1).ravel()
    u = np.concatenate([faces[:, [1, 2, 0]], faces[:, [2, 0, 1]]], axis=1).ravel()
    u_uv = np.concatenate([face_uvs[:, [1, 2, 0]], face_uvs[:, [2, 0, 1]]], axis=1).ravel()
    point = np.concatenate([vertices, np.ones((len(vertices), 1))], axis=1)[u]
    forms = quadrics[v] + quadrics[u]
    edge_cost = np.einsum("ei,eij,ej->e", point, forms, point)
    edge_cost[edge_cost > _MAX_ERROR_M**2 * np.trace(forms[:, :3, :3], axis1=1, axis2=2)] = np.inf
    edge_cost += 1e-9 * np.sum((vertices[u] - vertices[v]) ** 2, axis=1)
    edge_cost[locked[v]] = np.inf

    order = np.lexsort((u_uv, u, edge_cost, v))
    first = order[np.unique(v[order], return_index=True)[1]]
    target, target_uv = np.arange(len(vertices)), np.zeros(len(vertices), dtype=np.int64)
    cost = np.full(len(vertices), np.inf)
    target[v[first]], target_uv[v[first]], cost[v[first]] = u[first], u_uv[first], edge_cost[first]

    # The neighbour must have one uv on both faces of the edge, and exactly two neighbours in common (manifold).
    differs = (target[v] == u) & (target_uv[v] != u_uv)
    cost[v[differs]] = np.inf
    links = coo_array((np.ones(len(v), dtype=np.int32), (v, u)), shape=(len(vertices),) * 2).tocsr().astype(bool)
    links = links.astype(np.int32)
    ends = np.flatnonzero(np.isfinite(cost))
    common = np.asarray(links[ends].multiply(links[target[ends]]).sum(axis=1)).ravel()
    cost[ends[common != 2]] = np.inf

    # No face may flip.
    before = _face_normals(vertices, faces)
    before_norm = np.linalg.norm(before, axis=1)
    for k in range(3):
        corner = faces[:, k]
        moved = faces.copy()
        moved[:, k] = target[corner]
        stays = (target[corner] != faces[:, (k + 1) % 3]) & (target[corner] != faces[:, (k + 2) % 3])
        after = _face_normals(vertices, moved)
        cosine = np.sum(before * after, axis=1) / np.maximum(before_norm * np.linalg.norm(after, axis=1), 1e-20)
        cost[corner[stays & (cosine < _MIN_NORMAL_COSINE)]] = np.inf
    return target, target_uv, cost


def _independent(cost, faces, share: float) -> np.ndarray:
    """Mask (V,) of the cheapest collapses, about `share` of the legal ones, no two of them on one face."""
    legal = np.flatnonzero(np.isfinite(cost))
    rank = np.full(len(cost), len(cost))
    rank[legal[np.argsort(cost[legal], kind="stable")]] = np.arange(len(legal))
    smallest = rank[faces].min(axis=1)
    chosen = rank < max(1, int(np.ceil(share * len(legal))))
    for k in range(3):
        chosen[faces[rank[faces[:, k]] > smallest, k]] = False
    return chosen
