"""Photographs made up for the tests, and places to take episodes from."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.settings import E_IMAGE, Settings


@pytest.fixture(scope="session")
def photo_dir(tmp_path_factory, plane) -> Path:
    """Four photographs, rich in corners."""
    folder = tmp_path_factory.mktemp("photos")
    for k in range(4):
        picture = np.rot90(plane.texture[:750, :1000], k % 2 * 2)
        cv2.imwrite(str(folder / f"{k}.png"), np.roll(picture, 100 * k, axis=1))
    return folder


@pytest.fixture(scope="session")
def photo_places(photo_dir) -> Places:
    return Places(photo_dir=photo_dir)


@pytest.fixture(scope="session")
def photo_settings() -> Settings:
    return Settings(environment=E_IMAGE, renderer="homography", max_steps=12)


@pytest.fixture(scope="session")
def ycb_places(ycb_root) -> Places:
    return Places(ycb_root=ycb_root)


def make_trial(**changes) -> dict:
    """A successful trial of one method, as `run_trial` gives it."""
    trace = {"step": [0, 50, 100], "error_px": [90.0, None, 0.2], "te_mm": [200.0, 20.0, 0.5],
             "re_deg": [24.0, 2.0, 0.05], "position": [[0.1, 0.1, 0.7], [0.01, 0.0, 0.6], [0.0, 0.0, 0.6]]}  # fmt: skip
    goal = np.eye(4)
    goal[2, 3] = 0.6
    trial = {
        "episode": "dev/S/000", "level": "S", "method": "pbvs", "label": "pbvs", "settings": "", "outcome": "success",
        "message": "", "te_mm": 0.5, "re_deg": 0.05, "start_te_mm": 200.0, "start_re_deg": 24.0, "steps": 101,
        "peak_linear_m_s": 0.4, "peak_angular_rad_s": 1.0, "path_m": 0.21, "matches_min": 40, "matches_median": 200.0,
        "wall_s": 10.0, "load_s": 1.0, "step_ms_mean": 50.0, "step_ms_p95": 60.0, "rss_mb": 300.0,
        "stages_s": {"render": 4.0, "disturb": 0.0, "detect": 3.0, "match": 1.0, "control": 1.0},
        "T_world_start": goal.tolist(), "T_world_goal": goal.tolist(), "T_world_final": goal.tolist(), "trace": trace,
    }  # fmt: skip
    return {**trial, **changes}


def make_answer(**changes) -> dict:
    """A valid first answer, without its kind."""
    return {
        "pair": "dev/000", "method": "pbvs", "label": "pbvs", "settings": "", "goal": "a/0", "live": "a/1",
        "rotation_deg": 12.0, "baseline": 0.2, "overlap": 0.6, "distance_m": 0.8, "outcome": "off", "cause": "mixed",
        "message": "", "re_deg": 7.0, "te_share": 0.2, "translation_deg": 30.0, "scale": 1.2, "way_deg": 40.0,
        "matches": 90, "right_share": 0.7, "inliers": 60, "wall_s": 0.5, **changes,
    }  # fmt: skip


@pytest.fixture(scope="session")
def trial():
    return make_trial


@pytest.fixture(scope="session")
def answer():
    return make_answer
