import numpy as np
import pytest

from depth_pc_ros.types import Matches, ServoState, StepResult
from depth_pc_ros.webcam.advice import Move
from depth_pc_ros.webcam.guide import Sight
from depth_pc_ros.webcam.picture import DONE, MOVE, TURN, WRONG, draw_board, draw_guide, draw_move

GREY = np.full((240, 320, 3), 90, np.uint8)
NOTES = {"camera": "not calibrated", "lengths": "in % of the distance to the scene (with --distance M in cm)"}


def sight(state=ServoState.SERVOING, message="", moves=(), image=GREY) -> Sight:
    return Sight(image, Matches.none(0), StepResult(np.zeros(6), state, message), list(moves))


def drawn(sight, goal=GREY, problem=""):
    return draw_guide(sight, goal, np.zeros((0, 2)), NOTES, problem).picture()


def is_there(picture, colour) -> bool:
    """Whether some pixels of a picture have a colour."""
    return np.count_nonzero((np.abs(picture.astype(int) - colour) < 25).all(axis=2)) > 10


def ends(axis: int, size: float, colour) -> np.ndarray:
    """Mean place (2,) of the pixels of an arrow, from the middle of the picture."""
    picture = GREY.copy()
    draw_move(picture, Move(axis, size, None))
    v, u = np.nonzero((np.abs(picture.astype(int) - colour) < 25).all(axis=2))
    return np.array([u.mean() - 160, v.mean() - 120])


@pytest.mark.parametrize(
    ("axis", "size", "colour", "side"),
    [
        (0, 0.1, MOVE, (1, 0)),
        (0, -0.1, MOVE, (-1, 0)),
        (1, 0.1, MOVE, (0, 1)),
        (1, -0.1, MOVE, (0, -1)),
        (3, 0.1, TURN, (0, -1)),  # tilt up: at the upper border
        (3, -0.1, TURN, (0, 1)),
        (4, 0.1, TURN, (1, 0)),
        (4, -0.1, TURN, (-1, 0)),
    ],
)
def test_an_arrow_is_on_the_side_where_the_camera_has_to_go(axis, size, colour, side):
    where = ends(axis, size, colour)
    assert where @ side > 15
    assert abs(where @ (side[1], side[0])) < 3


def test_an_arc_begins_at_the_top_and_goes_to_the_side_of_the_turn():
    assert ends(5, 0.1, TURN)[0] > 10
    assert ends(5, -0.1, TURN)[0] < -10
    assert ends(5, 0.1, TURN)[1] < 0


def test_forward_and_back_differ():
    forward, back = GREY.copy(), GREY.copy()
    draw_move(forward, Move(2, 0.2, None))
    draw_move(back, Move(2, -0.2, None))
    assert (forward != back).any()
    assert is_there(forward, MOVE)
    assert is_there(back, MOVE)


def test_more_to_do_is_a_longer_arrow():
    lengths = [abs(ends(0, size, MOVE)[0]) for size in (0.02, 0.2, 0.25, 5.0)]
    assert lengths[0] < lengths[1] < lengths[2] == lengths[3]


def test_the_size_does_not_depend_on_what_is_seen_and_is_even():
    sights = [
        sight(moves=[Move(axis, 0.1, 0.5) for axis in range(6)]),
        sight(ServoState.LOST, "2 matches, at least 8 are needed; " + 200 * "x"),
        sight(ServoState.NO_GOAL, "no goal image has been set"),
        sight(ServoState.CONVERGED),
    ]
    shapes = {drawn(each).shape for each in sights} | {drawn(sights[0], None).shape}
    assert len(shapes) == 1
    (shape,) = shapes
    assert shape[1] == 640
    odd = drawn(sight(image=np.zeros((61, 81, 3), np.uint8)), np.zeros((61, 81, 3), np.uint8))
    assert (odd.shape[0] % 2, odd.shape[1] % 2) == (0, 0)


def test_the_state_has_its_colour():
    done, doubt, lost = (drawn(sight(state)) for state in (ServoState.CONVERGED, ServoState.AMBIGUOUS, ServoState.LOST))
    assert is_there(done[:8, :320], DONE)
    assert is_there(doubt[:8, :320], WRONG)
    assert not is_there(lost[:8, :320], WRONG)
    assert is_there(drawn(sight(ServoState.LOST, "2 matches"))[240:], WRONG)
    assert is_there(drawn(sight(moves=[Move(0, 0.1, None)]), problem="frozen")[240:], WRONG)


def test_large_images_are_shown_smaller():
    large = np.zeros((720, 1280, 3), np.uint8)
    picture = drawn(sight(image=large), large)
    assert picture.shape[1] == 1280
    assert picture.shape[0] < 500
    corners = np.array([[x, y] for y in (100, 200, 300) for x in (200.0, 300, 400)], np.float32)
    board = draw_board(large, corners, (3, 3), "1 of 15 views", "tilt it").picture()
    assert board.shape[1] == 640
    assert board[30:170, 80:220].any()
    assert not draw_board(large, None, (3, 3), "", "").live.any()
