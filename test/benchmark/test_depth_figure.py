import cv2
import numpy as np
import pytest

from depth_pc_ros.benchmark import depth_figure
from depth_pc_ros.benchmark.__main__ import main
from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.settings import E_GENERIC, Settings


class TrueDepth:
    """An estimator of true depth, with another scale and shift. Negative, as negated inverse depth is."""

    def __init__(self, depth_m):
        self.depth_m = depth_m

    def __call__(self, image):
        return np.float32(2.0 * np.where(self.depth_m > 0, self.depth_m, 3.0) - 9.0)


@pytest.fixture
def seen(monkeypatch):
    """Lets the estimator know the depth of what was drawn last."""
    open_world = depth_figure.open_world
    estimator = TrueDepth(None)

    class Watched:
        def __init__(self, *arguments):
            self._world = open_world(*arguments)
            self.intrinsics = self._world.intrinsics

        def view(self, T):
            image, estimator.depth_m = self._world.view(T)
            return image, estimator.depth_m

        def __enter__(self):
            return self

        def __exit__(self, *exc):
            self._world.__exit__(*exc)

    monkeypatch.setattr(depth_figure, "open_world", Watched)
    monkeypatch.setattr(depth_figure, "RelativeDepth", lambda model: estimator)


def test_true_depth_correlates_perfectly_and_is_drawn(seen, tmp_path):
    settings = Settings(environment=E_GENERIC)
    ranks = depth_figure.draw_depth(tmp_path / "new" / "depth.png", "any", settings, Places(None, None, None), 2)
    assert ranks == pytest.approx([1.0, 1.0], abs=1e-3)
    drawn = cv2.imread(str(tmp_path / "new" / "depth.png"))
    assert drawn.shape[1] == 1200
    assert drawn.std() > 20


def test_command_prints_the_correlations(tiny_depth_model, tmp_path, capsys):
    words = ["depth_figure", "--model", str(tiny_depth_model), "--views", "1", "--output", str(tmp_path / "a.png")]
    assert main(words) == 0
    assert "rank correlation at the keypoints: " in capsys.readouterr().out
    assert (tmp_path / "a.png").is_file()


def test_a_model_that_is_not_there_and_a_bad_output_are_named(tiny_depth_model, tmp_path, capsys):
    assert main(["depth_figure", "--model", str(tmp_path / "none"), "--views", "1"]) == 2
    assert "depth model" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    words = ["--views", "1", "--output", str(tmp_path / "file" / "a.png")]
    assert main(["depth_figure", "--model", str(tiny_depth_model), *words]) == 2
    assert "output: cannot write" in capsys.readouterr().err
