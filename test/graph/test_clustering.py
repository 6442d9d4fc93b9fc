import numpy as np
import pytest

from depth_pc_ros.errors import GoalError
from depth_pc_ros.graph.clustering import cluster_points, find_nuclei


def blobs(n: int, seed: int = 0) -> np.ndarray:
    """n points (n, 2) in six clumps, as keypoints lie on objects."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-0.4, 0.4, (6, 2))
    return centres[rng.integers(0, 6, n)] + rng.normal(0, 0.05, (n, 2))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 11, 12, 30, 64, 100, 300, 600])
def test_every_label_is_used_and_their_number_is_about_an_eighth_of_the_points(n):
    labels = cluster_points(blobs(n))
    assert labels.shape == (n,)
    assert labels.dtype == np.int64
    sizes = np.bincount(labels)
    assert sizes.min() >= 1
    wanted = min(max(round(n / 8), 1), 32)
    assert wanted / 2 < len(sizes) <= wanted


@pytest.mark.parametrize("n", [64, 200, 256])
def test_most_points_are_in_clusters_of_four_to_twenty(n):
    sizes = np.concatenate([np.bincount(cluster_points(blobs(n, seed))) for seed in range(10)])
    fits = (sizes >= 4) & (sizes <= 20)
    assert sizes[fits].sum() / sizes.sum() > 0.95
    assert (sizes == 1).mean() < 0.02


def test_distant_clumps_are_separated():
    """Two clumps of eight points each, far apart: exactly the two clusters."""
    rng = np.random.default_rng(0)
    clump = rng.normal(0, 0.01, (8, 2))
    labels = cluster_points(np.concatenate([clump, clump + [0.5, 0.3]]))
    assert len(set(labels[:8])) == len(set(labels[8:])) == 1
    assert labels[0] != labels[-1]


@pytest.mark.parametrize("n", [4, 30, 100, 600])
def test_order_of_the_points_does_not_matter(n):
    points = blobs(n)
    labels = cluster_points(points)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(n)
        np.testing.assert_array_equal(cluster_points(points[order]), labels[order])


def test_a_regular_grid_full_of_ties_does_not_depend_on_order():
    points = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, 10), np.linspace(-0.4, 0.4, 10)), -1).reshape(-1, 2)
    order = np.random.default_rng(1).permutation(100)
    np.testing.assert_array_equal(cluster_points(points[order]), cluster_points(points)[order])
    nuclei = points[find_nuclei(points, cluster_points(points))]
    shuffled = points[order]
    np.testing.assert_array_equal(shuffled[find_nuclei(shuffled, cluster_points(shuffled))], nuclei)


def test_clusters_are_compact():
    """C equal squares of a square have 1 / C of its scatter; the clusters come near that."""
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (200, 2))
    labels = cluster_points(points)
    means = np.stack([points[labels == c].mean(0) for c in range(labels.max() + 1)])
    within = np.square(points - means[labels]).sum()
    assert within < 1.5 / len(means) * np.square(points - points.mean(0)).sum()


@pytest.mark.parametrize("n", [1, 3, 100, 600])
def test_points_in_one_place_are_one_cluster(n):
    np.testing.assert_array_equal(cluster_points(np.full((n, 2), 0.1)), np.zeros(n))


def test_duplicates_share_a_label():
    places = blobs(10)
    points = np.repeat(places, 30, axis=0)
    labels = cluster_points(points).reshape(10, 30)
    assert (labels == labels[:, :1]).all()
    assert np.bincount(labels.ravel()).min() >= 30


def test_max_clusters_is_kept():
    assert len(set(cluster_points(blobs(600), max_clusters=5))) == 5
    assert set(cluster_points(blobs(600), max_clusters=1)) == {0}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_points_that_are_not_finite_are_refused(bad):
    points = blobs(30)
    points[7, 1] = bad
    with pytest.raises(GoalError, match=r"points: expected finite coordinates, got NaN or inf"):
        cluster_points(points)


@pytest.mark.parametrize("shape", [(0, 2), (5,), (5, 3)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(GoalError, match=r"points: expected shape \(N, 2\) with N >= 1, got"):
        cluster_points(np.zeros(shape))


def test_fewer_than_one_cluster_is_refused():
    with pytest.raises(GoalError, match="max_clusters: expected at least 1, got 0"):
        cluster_points(blobs(10), max_clusters=0)


@pytest.mark.parametrize("n", [1, 4, 30, 600])
def test_nucleus_is_the_point_of_the_cluster_nearest_its_mean(n):
    points = blobs(n)
    labels = cluster_points(points)
    nuclei = find_nuclei(points, labels)
    np.testing.assert_array_equal(labels[nuclei], np.arange(labels.max() + 1))
    for c, nucleus in enumerate(nuclei):
        members = points[labels == c]
        distances = np.linalg.norm(members - members.mean(0), axis=1)
        own = np.linalg.norm(points[nucleus] - members.mean(0))
        assert own <= distances.min() + 1e-12


def test_nucleus_of_a_pair_does_not_depend_on_order():
    """Both points of a pair are equally near their mean."""
    pair = np.array([[0.1, 0.2], [0.3, -0.1]])
    labels = np.zeros(2, np.int64)
    first, second = pair[find_nuclei(pair, labels)], pair[::-1][find_nuclei(pair[::-1], labels)]
    np.testing.assert_array_equal(first, second)
