import numpy as np

from depth_pc_ros.control.progress import FAR_LIMIT, Progress

STEP = np.array([0.005, 0.01])  # m and rad in one image


def images_until_stuck(errors):
    progress = Progress(FAR_LIMIT)
    return next((k for k, error in enumerate(errors) if progress.see(error, STEP)), None)


def test_a_falling_error_is_progress_however_far_it_is():
    assert images_until_stuck(0.5 * 0.99 ** np.arange(1000)) is None


def test_swinging_is_none():
    swinging = 0.1 + 0.05 * np.sin(0.1 * np.arange(1000))
    assert 200 <= images_until_stuck(swinging) <= 260  # 1 m


def test_a_reset_forgets():
    progress = Progress(FAR_LIMIT)
    for _ in range(199):
        assert not progress.see(0.1, STEP)
    progress.reset()
    for _ in range(199):
        assert not progress.see(0.1, STEP)
