"""The picture that a person sees: live view with arrows beside the goal, words below.

An arrow in the middle shows where the camera has to move, four around it that it has to come nearer or go back, one at
the border that it has to turn or tilt to that side, an arc that it has to turn about its axis.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from depth_pc_ros.types import ServoState, StepResult
from depth_pc_ros.view.drawing import Reduction, draw_goal, draw_live
from depth_pc_ros.webcam.advice import Move
from depth_pc_ros.webcam.guide import Sight

MOVE, TURN, DONE, WRONG = (255, 220, 60), (80, 200, 255), (60, 255, 90), (255, 110, 80)  # colours
TEXT = (235, 235, 235)
_LINE_PX, _LETTER_PX = 22, 10  # of words
_MOST_MOVES = 4  # in words and arrows
_FULL = 0.25  # share of the distance, or rad, of the longest arrow
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LETTERS = str.maketrans({"°": " deg", "×": "x"})  # the font has only those of ASCII


@dataclass(frozen=True)
class Screen:
    """What a person is shown at one time. Pictures are (h, w, 3) uint8 RGB.

    live: with the arrows. goal: beside it, black where there is none yet; None: no goal is wanted. compared: both, of
    one size and with nothing drawn on them; None: there is no goal. status: a line about the matches. instruction: what
    to do, or what is wrong, in its colour. notes: what else has to be known; lines by name.
    """

    live: np.ndarray
    goal: np.ndarray | None
    compared: tuple[np.ndarray, np.ndarray] | None
    state: ServoState
    error_px: float
    status: str
    instruction: str
    colour: tuple[int, int, int]
    notes: dict[str, str]

    def picture(self) -> np.ndarray:
        """All of it in one picture, whose size does not depend on what is seen."""
        views = _titled(self.live, "live") if self.goal is not None else self.live
        if self.goal is not None:
            views = np.hstack([views, _titled(self.goal, "goal")])
        width = views.shape[1]
        notes = [f"{name}: {text}" for name, text in self.notes.items()]
        words = [
            _written([self.status], width, TEXT),
            _written([self.instruction], width, self.colour, rows=2),
            _written(notes, width, TEXT),
        ]
        return _even(np.vstack([views, *words]))


def draw_guide(
    sight: Sight, goal_image: np.ndarray | None, goal_points: np.ndarray, notes: dict[str, str], problem: str = ""
) -> Screen:
    """goal_image: (H, W, 3) uint8 RGB, of the live image's size, None: no goal yet. goal_points: (N, 2) px of it.

    problem: said in place of what to do.
    """
    reduction = Reduction(sight.image.shape[1::-1])
    points, matches = reduction.points(goal_points), reduction.matches(sight.matches)
    image = reduction.image(sight.image)
    live = draw_live(image, points, matches)
    moves = sight.moves[:_MOST_MOVES]
    for move in moves:
        draw_move(live, move)
    result = sight.result
    if result.converged or result.state is ServoState.AMBIGUOUS:
        cv2.rectangle(live, (0, 0), (live.shape[1] - 1, live.shape[0] - 1), DONE if result.converged else WRONG, 6)
    goal, compared = np.zeros_like(live), None
    if goal_image is not None:
        compared = image, reduction.image(goal_image)
        goal = draw_goal(compared[1], points, matches)
    error = f", {result.error_px:.1f} px from the goal" if np.isfinite(result.error_px) else ""
    return Screen(
        live=live,
        goal=goal,
        compared=compared,
        state=result.state,
        error_px=result.error_px,
        status=f"{result.state.name}: {result.num_matches} matches{error}",
        instruction=problem or ", ".join(move.words for move in moves) or sight.instruction,
        colour=WRONG if problem else _colour(result),
        notes=notes,
    )


def draw_board(
    rgb: np.ndarray, corners: np.ndarray | None, board: tuple[int, int], status: str, instruction: str
) -> Screen:
    """A picture (H, W, 3) uint8 and the corners (N, 2) px of the board of (columns, rows) in it; None: not seen."""
    reduction = Reduction(rgb.shape[1::-1])
    live = reduction.image(rgb).copy()
    if corners is not None:
        cv2.drawChessboardCorners(live, board, reduction.points(corners).astype(np.float32), True)
    return Screen(live, None, None, ServoState.INACTIVE, np.nan, status, instruction, MOVE, {})


def _written(lines: list[str], width: int, colour: tuple[int, int, int], rows: int | None = None) -> np.ndarray:
    """Lines of words, (h, width, 3) uint8; long ones are broken. rows: exactly so many; None: as many as needed."""
    most = max(width // _LETTER_PX, 1)
    parts = [text[at : at + most] for text in lines for at in range(0, max(len(text), 1), most)]
    if rows is not None:
        parts = [*parts, *[""] * rows][:rows]
    picture = np.full((_LINE_PX * len(parts), width, 3), 25, np.uint8)
    for row, text in enumerate(parts):
        place = (8, _LINE_PX * row + 16)
        cv2.putText(picture, text.translate(_LETTERS), place, _FONT, 0.5, colour, 1, cv2.LINE_AA)
    return picture


def _even(picture: np.ndarray) -> np.ndarray:
    """Video codecs want even sides."""
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)))


def draw_move(picture: np.ndarray, move: Move) -> None:
    """Draw one arrow, the longer the more there is to do, over a picture (H, W, 3) uint8."""
    height, width = picture.shape[:2]
    centre = np.array([width / 2, height / 2])
    reach = 0.4 * height
    length = reach * (0.3 + 0.7 * min(abs(move.size) / _FULL, 1.0))
    sign = np.sign(move.size)
    if move.axis in (0, 1):
        _arrow(picture, centre, centre + sign * length * np.eye(2)[move.axis], MOVE)
    elif move.axis == 2:
        for corner in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
            direction = np.array(corner) / np.sqrt(2)
            near, far = centre + 0.45 * reach * direction, centre + (0.45 * reach + 0.5 * length) * direction
            _arrow(picture, *((near, far) if sign > 0 else (far, near)), MOVE)
    elif move.axis == 5:
        _arc(picture, centre, 1.1 * reach, sign * (20 + 120 * min(abs(move.size) / _FULL, 1.0)))
    else:
        side = np.array([0.0, -sign]) if move.axis == 3 else np.array([sign, 0.0])
        border = centre + side * (centre - 12)
        _arrow(picture, border - 0.6 * length * side, border, TURN)


def _arrow(picture: np.ndarray, start, end, colour) -> None:
    tip = min(18 / max(float(np.linalg.norm(np.subtract(end, start))), 1.0), 0.5)
    for shade, thickness in (((0, 0, 0), 9), (colour, 5)):
        cv2.arrowedLine(picture, _pixel(start), _pixel(end), shade, thickness, cv2.LINE_AA, tipLength=tip)


def _arc(picture: np.ndarray, centre: np.ndarray, radius: float, degrees: float) -> None:
    """An arc that starts at the top, clockwise where degrees > 0, with the head of an arrow at its end."""
    angles = np.radians(np.linspace(-90, -90 + degrees, 40))
    points = centre + radius * np.column_stack([np.cos(angles), np.sin(angles)])
    outward = (points[-1] - centre) / radius
    back = 18 * np.sign(degrees) * np.array([outward[1], -outward[0]])
    head = [points[-1] + back + 11 * side * outward for side in (-1, 1)]
    for shade, thickness in (((0, 0, 0), 9), (TURN, 5)):
        for line in (points, [head[0], points[-1], head[1]]):
            cv2.polylines(picture, [np.rint(line).astype(np.int32)], False, shade, thickness, cv2.LINE_AA)


def _pixel(point) -> list[int]:
    return np.rint(point).astype(int).tolist()


def _colour(result: StepResult) -> tuple[int, int, int]:
    if result.converged:
        return DONE
    return MOVE if result.state is ServoState.SERVOING else WRONG


def _titled(picture: np.ndarray, title: str) -> np.ndarray:
    picture = picture.copy()
    for shade, thickness in (((0, 0, 0), 4), (TEXT, 1)):
        cv2.putText(picture, title, (8, 20), _FONT, 0.55, shade, thickness, cv2.LINE_AA)
    return picture
