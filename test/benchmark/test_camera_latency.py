"""The benchmark of camera resolutions measures what it says, and reports it."""

import numpy as np

from depth_pc_ros.benchmark import camera_latency


def test_each_camera_is_measured_at_each_working_resolution():
    rows = camera_latency.measure_cameras(frames=3, seed=0, longest_sides=[0, 240], sizes=((320, 240), (640, 480)))
    worked_on = [(row.size, row.longest, row.kind, row.worked_on) for row in rows]
    assert worked_on == [
        (size, longest, kind, (240, 180) if longest else size)
        for size in ((320, 240), (640, 480))
        for longest in (0, 240)
        for kind in ("raw", "jpeg")
    ]
    for row in rows:
        assert len(row.ms) == 3
        pixel_mrad = 1e3 / (camera_latency._FOCAL * row.worked_on[0])
        assert np.median(row.errors_mrad) < 0.3 * pixel_mrad
    lines = camera_latency.report(rows).splitlines()
    assert lines[1].split()[:9] == ["320", "x", "240", "raw", "320", "x", "240", "1.00", "1.00"]
    assert len(lines) == len(rows) + 2
