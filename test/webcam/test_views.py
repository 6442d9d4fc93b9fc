import numpy as np
import pytest

from depth_pc_ros.files.video_file import VideoFile, VideoWriter
from depth_pc_ros.types import Matches, ServoState, StepResult
from depth_pc_ros.webcam.guide import Sight
from depth_pc_ros.webcam.picture import draw_guide
from depth_pc_ros.webcam.views import FileView

IMAGE = np.full((48, 64, 3), 90, np.uint8)
SIGHT = Sight(IMAGE, Matches.none(0), StepResult.stopped(ServoState.NO_GOAL, "no goal image has been set"))
SCREEN = draw_guide(SIGHT, None, np.zeros((0, 2)), {"camera": "not calibrated"})


@pytest.mark.parametrize(("stamps_s", "count"), [([0, 0.1, 0.2, 0.3], 4), ([5, 5.05, 5.3, 5.32], 4), ([0, 1.0], 11)])
def test_a_written_video_plays_in_the_time_of_its_pictures(tmp_path, stamps_s, count):
    writer = VideoWriter(tmp_path / "video.avi", 10)
    view = FileView(writer)
    for stamp_s in stamps_s:
        assert view.show(SCREEN, stamp_s) == ""
    writer.close()
    assert VideoFile(tmp_path / "video.avi").count == count
