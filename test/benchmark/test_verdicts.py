"""What counts as right, as a safe stop with the true reason, and as a silent failure."""

import dataclasses

import pytest

from depth_pc_ros.benchmark import fault_rows, verdicts
from depth_pc_ros.benchmark.disturbances import stream
from depth_pc_ros.benchmark.fault_rows import NO_NEARER, ROWS, row_of
from depth_pc_ros.benchmark.faults import Fault
from depth_pc_ros.benchmark.results import Results
from depth_pc_ros.benchmark.schema import check_row
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.benchmark.tables import markdown
from depth_pc_ros.benchmark.trial import FAILURES, STOPS
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.types import ServoState


@pytest.fixture
def fault_trial(trial):
    def make(outcome="success", message="", commanded_mm=10.0, commanded_deg=1.0, end_mm=0.1, **more):
        numbers = {"commanded_mm": commanded_mm, "commanded_deg": commanded_deg, "end_mm": end_mm}
        return trial(outcome=outcome, message=message, fault=numbers, **more)

    return make


@pytest.mark.parametrize("name", ROWS)
def test_every_row_can_run(name):
    row = row_of(name)
    assert isinstance(row.make(stream(0, "fault"), (640, 480)), Fault)
    assert set(row.safe) <= set(STOPS)
    settings = dataclasses.replace(Settings(), fault=name, **row.settings)
    assert name in settings.variant
    assert settings.to_mapping()["fault"] == name


def test_stops_are_states_of_the_servo():
    assert {name.upper() for name in STOPS} <= {state.name for state in ServoState}
    assert set(STOPS) < set(FAILURES)


def test_an_unknown_row_is_refused():
    with pytest.raises(ConfigError, match="unknown row 'fog'; known: gripper_10_plain"):
        row_of("fog")


def contradicted(text: str) -> dict:
    return {"outcome": "contradicted", "message": f"the camera moves as if {text}"}


@pytest.mark.parametrize(
    ("name", "trial_of", "expected"),
    [
        ("frozen", {"outcome": "frozen"}, "safe"),
        ("frozen", {"outcome": "frozen", "commanded_mm": 31.0}, "silent"),
        ("frozen", {"outcome": "frozen", "commanded_deg": 3.1}, "silent"),
        ("frozen", {"outcome": "not_following"}, "silent"),
        ("frozen", {"outcome": "timeout"}, "silent"),
        ("frozen", {"outcome": "contradicted", "message": f"1 m and {NO_NEARER}"}, "silent"),
        ("gripper_10_rich", {"outcome": "contradicted", "message": f"1 m and {NO_NEARER}"}, "safe"),
        ("frozen", {"outcome": "success", "commanded_mm": 200.0}, "right"),
        ("frozen_noisy", {"outcome": "not_following"}, "safe"),
        ("deaf", {"outcome": "not_following"}, "safe"),
        ("frame_180z", contradicted("the frame were turned by 180° about its z axis"), "safe"),
        ("frame_180z", contradicted("the frame were turned by 180° about its x axis"), "silent"),
        ("frame_90z", contradicted("the frame were turned by 90° about its z axis"), "safe"),
        ("frame_90z", contradicted("the frame were turned by 270° about its z axis"), "silent"),
        ("frame_link", contradicted("its twist were obeyed in a body frame, not in an optical frame"), "safe"),
        (
            "frame_link",
            contradicted("the frame were turned by 90° about its x axis; look at the optical frame"),
            "silent",
        ),
        ("frame_mirrored", contradicted("the image or the frame were mirrored along its x axis"), "safe"),
        ("gripper_30_rich", {"outcome": "ambiguous", "commanded_mm": 400.0}, "safe"),
        ("gripper_30_rich", {"outcome": "inaccurate"}, "silent"),
        ("gripper_30_rich_masked", {"outcome": "ambiguous"}, "silent"),
        ("depth_x1000_both", {"outcome": "success"}, "right"),
        ("depth_x1000_both", {"outcome": "lost"}, "silent"),
        ("speed_x0.2", {"outcome": "not_following"}, "silent"),
        ("target_10mm_s", {"outcome": "success", "end_mm": 1.9}, "right"),
        ("target_10mm_s", {"outcome": "success", "end_mm": 2.1}, "silent"),
        ("target_20mm_s", {"outcome": "success", "end_mm": 3.9}, "right"),
        ("target_jump_1mm", {"outcome": "success", "end_mm": 1.0}, "silent"),
        ("hand_30", {"outcome": "ambiguous"}, "silent"),
        ("hand_70", {"outcome": "ambiguous"}, "safe"),
    ],
)
def test_verdicts(fault_trial, name, trial_of, expected):
    assert verdicts.verdict(fault_trial(**trial_of), row_of(name)) == expected


def test_the_table_counts_by_row_and_method(fault_trial, tmp_path):
    trials = [
        fault_trial("frozen", commanded_mm=25.0),
        fault_trial("timeout", commanded_mm=480.0, commanded_deg=90.0, te_mm=500.0, episode="dev/M/000"),
        fault_trial("frozen", method="ibvs", label="ibvs"),
    ]
    for each in trials:
        check_row({"kind": "trial", **each}, "here")
    results = Results(tmp_path, Settings(fault="frozen"), [], trials)
    rows = verdicts.table([results])
    assert rows[0] == ["frozen", "pbvs", "2", "0", "1", "1", "0", "250.25", "–", "48.0", "90.0", "1 frozen, 1 timeout"]
    assert rows[1][:6] == ["frozen", "ibvs", "1", "0", "1", "0"]
    assert verdicts.sums([results]) == [["pbvs", "2", "0", "1", "1"], ["ibvs", "1", "0", "1", "0"]]
    page = markdown([results])
    assert "| frozen | pbvs | 2 |" in page
    assert "| pbvs | 2 | 0 | 1 | 1 |" in page
    assert fault_rows.ROWS["frozen"].what in page


def test_a_target_that_is_not_followed_is_named(fault_trial, tmp_path):
    results = Results(tmp_path, Settings(fault="target_jump_5mm"), [], [fault_trial(end_mm=5.0), fault_trial()])
    row = verdicts.table([results])[0]
    assert row[3:7] == ["1", "0", "1", "100"]
    assert (row[8], row[-1]) == ("5.0", "1 not followed")


def test_rows_come_in_the_order_of_the_suite(fault_trial, tmp_path):
    names = ("pure_roll", "deaf", "gripper_10_plain")
    results = [Results(tmp_path, Settings(fault=name), [], [fault_trial()]) for name in names]
    assert [row[0] for row in verdicts.table(results)] == ["gripper_10_plain", "deaf", "pure_roll"]


def test_runs_without_a_fault_have_the_settings_they_had_before():
    assert "fault" not in Settings().to_mapping()
    assert Settings(fault="deaf").digest != Settings().digest
