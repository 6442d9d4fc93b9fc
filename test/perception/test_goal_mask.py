import cv2
import numpy as np
import pytest

from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.errors import ConfigError, ImageError
from depth_pc_ros.perception.goal_mask import allowed_places, check_mask

SIZE = (64, 48)


def test_without_masks_everything_is_allowed():
    assert allowed_places(MatcherConfig(), SIZE) is None


def test_file_argument_and_region_all_leave_out(tmp_path):
    file, given = np.full((48, 64), 255, np.uint8), np.ones((48, 64), bool)
    file[:10], given[40:] = 0, False
    cv2.imwrite(str(tmp_path / "mask.png"), file)
    config = MatcherConfig(mask=str(tmp_path / "mask.png"), roi="5 0 50 48")
    expected = np.zeros((48, 64), bool)
    expected[10:40, 5:55] = True
    np.testing.assert_array_equal(allowed_places(config, SIZE, given), expected)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((64, 48), np.uint8), "size 64 x 48, got 48 x 64"),
        (np.ones((48, 64, 3), np.uint8), r"\(H, W\)"),
        (np.ones((48, 64)), "float64"),
        (np.zeros((48, 64), bool), "zero everywhere"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(mask, message):
    with pytest.raises(ImageError, match=message):
        check_mask(mask, SIZE)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"gripper\.png: no such file"):
        allowed_places(MatcherConfig(mask=str(tmp_path / "gripper.png")), SIZE)


@pytest.mark.parametrize("roi", ["5 5 100 10", "1 2 3", "a b c d", "0 0 0 5", "-1 0 5 5"])
def test_a_wrong_region_is_refused(roi):
    with pytest.raises(ConfigError, match="roi"):
        allowed_places(MatcherConfig(roi=roi), SIZE)
