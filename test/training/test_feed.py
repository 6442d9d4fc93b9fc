import os
import signal
from multiprocessing import active_children

import numpy as np
import pytest

from depth_pc_ros.errors import ConfigError, SceneError
from depth_pc_ros.training.feed import SceneFeed
from depth_pc_ros.training.scene_config import SceneConfig

CONFIG = SceneConfig(dense_points=300)


def equal(a, b) -> bool:
    """Whether two batches are the same to the bit."""
    return len(a) == len(b) and all(
        np.array_equal(x.points_goal, y.points_goal)
        and np.array_equal(x.hidden_at_start, y.hidden_at_start)
        and np.array_equal(x.T_start_goal, y.T_start_goal)
        and (x.distance_m, x.focal_px, x.kind) == (y.distance_m, y.focal_px, y.kind)
        for x, y in zip(a, b)
    )


@pytest.fixture(scope="module")
def batches(clouds):
    with SceneFeed(clouds, CONFIG, 4, seed=3, workers=0) as feed:
        return [next(feed) for _ in range(6)]


def test_batches_differ(batches):
    assert not any(equal(batches[0], other) for other in batches[1:])


def test_two_workers_give_what_the_caller_makes_and_end(clouds, batches):
    environment = dict(os.environ)
    with SceneFeed(clouds, CONFIG, 4, seed=3, workers=2, ahead=3) as feed:
        assert all(equal(next(feed), batch) for batch in batches)
        assert feed.next_batch == 6
    assert not active_children()
    assert dict(os.environ) == environment
    with pytest.raises(SceneError, match="closed"):
        next(feed)


@pytest.mark.parametrize("workers", [0, 1])
def test_going_on_in_the_middle(clouds, batches, workers):
    with SceneFeed(clouds, CONFIG, 4, seed=3, workers=workers, ahead=1, start=4) as feed:
        assert equal(next(feed), batches[4])
        assert feed.next_batch == 5
        assert equal(next(feed), batches[5])


def test_a_workers_error_reaches_the_caller_and_ends_the_workers():
    with SceneFeed([], CONFIG, 4, seed=3, workers=1) as feed:
        with pytest.raises(SceneError, match="clouds"):
            next(feed)
        assert not active_children()


def test_a_killed_worker_is_reported(clouds):
    with SceneFeed(clouds, CONFIG, 1, seed=3, workers=1, ahead=1) as feed:
        next(feed)
        os.kill(active_children()[0].pid, signal.SIGKILL)
        with pytest.raises(SceneError, match="worker process was killed"):
            [next(feed) for _ in range(5)]


@pytest.mark.parametrize("change", [{"batch_size": 0}, {"workers": -1}, {"ahead": 0}, {"start": -1}, {"seed": -1}])
def test_bad_arguments_are_named(clouds, change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        SceneFeed(clouds, CONFIG, **{"batch_size": 1, "seed": 0, **change})
