"""Record of a run: errors against the goal pose, CSV, table."""

import csv

import numpy as np
import pytest

from depth_pc_ros.cli.run_report import CSV_COLUMNS, Frame, RunRecord
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import ServoState

TWIST = np.array([0.01, -0.02, 0.03, 0.1, -0.2, 0.3])


def frame(t_s, T_world_cam, state=ServoState.SERVOING, error_px=2.5):
    return Frame(t_s, state, 120, error_px, TWIST, T_world_cam)


@pytest.fixture
def record():
    """Two frames: 3-4-5 mm and 2 degrees off, then at the goal."""
    goal = se3.exp(np.array([0.1, 0.2, 0.6, 0.3, -0.2, 0.5]))
    off = goal @ se3.from_rt(se3.exp_so3(np.array([0, np.radians(2), 0])), np.array([0.003, 0.004, 0.0]))
    return RunRecord(goal, [frame(0.0, off), frame(0.04, goal, ServoState.CONVERGED)])


def test_errors_are_in_millimetres_and_degrees(record):
    np.testing.assert_allclose(record.errors(), [[5.0, 2.0], [0.0, 0.0]], atol=1e-9)


def test_the_pose_at_rest_counts_more_than_the_last_frame(record):
    assert record.final_error() == pytest.approx((0.0, 0.0), abs=1e-9)
    record.T_world_final = record.frames[0].T_world_cam
    assert record.final_error() == pytest.approx((5.0, 2.0))


def test_csv_has_a_line_per_frame_that_reads_back(record, tmp_path):
    record.write_csv(tmp_path / "run.csv")
    with open(tmp_path / "run.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(CSV_COLUMNS)
    assert [row["state"] for row in rows] == ["SERVOING", "CONVERGED"]
    assert (rows[0]["t_s"], rows[1]["t_s"], rows[0]["matches"]) == ("0.000", "0.040", "120")
    values = np.array([[float(row[name]) for name in CSV_COLUMNS[3:]] for row in rows])
    np.testing.assert_allclose(values[0, :3], [2.5, 5.0, 2.0], rtol=1e-5)
    np.testing.assert_allclose(values[:, 3:9], [TWIST, TWIST], rtol=1e-5)
    np.testing.assert_allclose(values[1, 9:12], record.T_world_goal[:3, 3], rtol=1e-5)
    assert np.linalg.norm(values[1, 12:]) == pytest.approx(1.0, abs=1e-5)


def test_unknown_values_are_empty_cells(tmp_path):
    record = RunRecord(np.eye(4), [frame(0.0, None, ServoState.LOST, error_px=np.nan)])
    record.write_csv(tmp_path / "run.csv")
    row = (tmp_path / "run.csv").read_text().splitlines()[1].split(",")
    assert row[:6] == ["0.000", "LOST", "120", "", "", ""]
    assert row[-7:] == [""] * 7
    assert np.isnan(record.final_error()).all()


def test_table_shows_the_end_of_the_run(record):
    header, _, row = record.table().splitlines()
    assert header.split() == ["state", "TE", "mm", "RE", "degrees", "steps", "seconds", "matches"]
    assert row.split() == ["CONVERGED", "0.00", "0.000", "2", "0.04", "120"]
    assert len(header) == len(row)


def test_a_run_without_images_still_has_a_table_and_a_csv(tmp_path):
    record = RunRecord(np.eye(4))
    record.write_csv(tmp_path / "run.csv")
    assert (tmp_path / "run.csv").read_text().splitlines() == [",".join(CSV_COLUMNS)]
    assert record.errors().shape == (0, 2)
    assert "no image" in record.table()
