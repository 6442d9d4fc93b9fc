"""From frame to frame until the end: guide a person to the goal, or collect views of a chessboard."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.types import ServoState
from depth_pc_ros.webcam.calibration import ChessboardViews
from depth_pc_ros.webcam.guide import Guide, Sight
from depth_pc_ros.webcam.picture import draw_board, draw_guide
from depth_pc_ros.webcam.views import CAPTURE, QUIT, View

Frame = tuple[float, np.ndarray]  # time in s, and image (H, W, 3) uint8 RGB


def in_real_time(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames of a video, none before its time."""
    start_s = time.monotonic()
    for stamp_s, rgb in frames:
        time.sleep(max(start_s + stamp_s - time.monotonic(), 0.0))
        yield stamp_s, rgb


class GuideSession:
    """Guides a person. `states` counts the images by state; `last` is what was seen last.

    notes: see `Screen`. problem: says what is wrong with the newest frame. tell: prints a line.
    """

    def __init__(
        self,
        guide: Guide,
        view: View,
        notes: dict[str, str],
        problem: Callable[[], str],
        tell: Callable[[str], None],
    ):
        self.states: Counter[ServoState] = Counter()
        self.last: Sight | None = None
        self._guide, self._view, self._notes, self._problem, self._tell = guide, view, notes, problem, tell
        self._refused = ""  # why the newest picture could not become the goal

    def run(self, frames: Iterable[Frame]) -> bool:
        """Until the frames end, or the key q; whether it was the key."""
        for stamp_s, raw in frames:
            self.last = sight = self._guide.see(raw, stamp_s)
            self.states[sight.result.state] += 1
            problem = self._problem() or self._refused
            self._tell(f"{sight.result.state.name:<10} {problem or sight.instruction}")
            screen = draw_guide(sight, self._guide.goal_image, self._guide.goal_points, self._notes, problem)
            key = self._view.show(screen, stamp_s)
            if key == QUIT:
                return True
            if key == CAPTURE:
                self._capture(raw)
        return False

    def _capture(self, raw: np.ndarray) -> None:
        try:
            self._guide.set_goal(raw)
            self._refused = ""
        except DepthPcError as error:
            self._refused = str(error)


def collect_views(
    views: ChessboardViews, wanted: int, frames: Iterable[Frame], view: View, tell: Callable[[str], None]
) -> None:
    """Until so many views are kept, the frames end, or the key q."""
    for stamp_s, rgb in frames:
        corners = views.see(rgb)
        status = f"{len(views.kept)} of {wanted} views"
        instruction = "show the board elsewhere, nearer, tilted, and hold it still"
        if corners is None:
            instruction = f"show all {views.board[0]} x {views.board[1]} inner corners of the board"
        tell(f"{status}: {instruction}")
        key = view.show(draw_board(rgb, corners, views.board, status, instruction), stamp_s)
        if key == QUIT or len(views.kept) >= wanted:
            return
