"""Other poses at which the goal looks like itself: a chessboard moved by a period, or turned by a right angle.

The middle of the goal's texture is searched in the goal itself, in steps of 90 degrees. Each place where it is found
again is refined to a homography (ECC), which stays if it explains most of the goal image.

ECC: G. Evangelidis, E. Psarakis, "Parametric image alignment using enhanced correlation coefficient maximization",
IEEE TPAMI 2008.
"""

import cv2
import numpy as np

from depth_pc_ros.perception.agreement import ALIKE, Texture, correlation

_MOST = (8, 2, 2, 2)  # alternatives of each turn
_MOST_PEAKS = 32
_SAME_PX = 6.0  # px of the small image: nearer than this at all corners, two alternatives are one
_FOUND = 0.6  # correlation of the searched part where it is found again
_LOBE = 0.35  # correlation down to which a peak reaches
_EXPLAINS = 0.4  # smallest share of the texture of both images that an alternative explains
_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)


def explained(goal: Texture, live: Texture, allowed: np.ndarray) -> float:
    """Share of the texture of either image, where `allowed` (h, w), that looks the same in both."""
    either = (goal.textured | live.textured) & allowed
    return float(np.count_nonzero((correlation(goal, live) > ALIKE) & either) / max(np.count_nonzero(either), 1))


def alternatives(goal: Texture, allowed: np.ndarray) -> list[tuple[Texture, np.ndarray]]:
    """The goal as it looks moved onto itself, and where it is seen then, `allowed` (h, w) bool; often none."""
    texture = goal.textured & allowed
    if not texture.any():
        return []
    x, y, width, height = cv2.boundingRect(texture.astype(np.uint8))
    corners = np.array([[[x, y], [x + width, y], [x, y + height], [x + width, y + height]]], np.float64)
    found: list[tuple[Texture, np.ndarray]] = []
    places = [corners]
    for guess in _candidates(goal.image, (x, y, width, height)):
        H = _refined(goal.image, guess)
        place = None if H is None else cv2.perspectiveTransform(corners, H)
        if place is None or min(np.abs(place - other).max() for other in places) < _SAME_PX:
            continue
        places.append(place)
        moved, seen = goal.warped(H), allowed & _inside(H, goal.image.shape)
        if explained(goal, moved, seen) > _EXPLAINS:
            found.append((moved, seen))
    return found


def _candidates(image: np.ndarray, box: tuple[int, int, int, int]) -> list[np.ndarray]:
    """Homographies (3, 3) from the image to where the middle of `box` is found again, the nearest ones of each turn."""
    x, y, width, height = box
    side_x, side_y = min(max(width // 2, 16), width), min(max(height // 2, 16), height)
    x, y = x + (width - side_x) // 2, y + (height - side_y) // 2
    part = image[y : y + side_y, x : x + side_x]
    centre = np.array([x + (side_x - 1) / 2, y + (side_y - 1) / 2])
    guesses = []
    for quarter_turns, most in enumerate(_MOST):
        turned = np.ascontiguousarray(np.rot90(part, quarter_turns))
        if turned.shape[0] > image.shape[0]:  # a wide part in a wide image
            continue
        response = cv2.matchTemplate(image, turned, cv2.TM_CCOEFF_NORMED)
        half = (np.array(turned.shape[::-1]) - 1) / 2
        # rot90 turns counter-clockwise, with y downwards.
        c, s = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarter_turns]
        rotation = np.array([[c, s], [-s, c]])
        if quarter_turns == 0:
            _clear(response, (x, y))
        peaks = [np.array(peak) + half for peak in _peaks(response)]
        for peak in sorted(peaks, key=lambda peak: np.linalg.norm(peak - centre))[:most]:
            H = np.eye(3)
            H[:2, :2], H[:2, 2] = rotation, peak - rotation @ centre
            guesses.append(H)
    return guesses


def _peaks(response: np.ndarray) -> list[tuple[int, int]]:
    """Places (x, y) of the peaks of a correlation, best first."""
    peaks: list[tuple[int, int]] = []
    while len(peaks) < _MOST_PEAKS:
        _, value, _, at = cv2.minMaxLoc(response)
        if not value > _FOUND:
            break
        peaks.append(at)
        _clear(response, at)
    return peaks


def _clear(response: np.ndarray, at: tuple[int, int]) -> None:
    """Take a peak and what surrounds it out of a response."""
    lobe = (response > _LOBE).astype(np.uint8)
    if lobe[at[1], at[0]]:
        cv2.floodFill(lobe, None, at, 2)
        response[lobe == 2] = -1
    response[at[1], at[0]] = -1


def _refined(image: np.ndarray, H: np.ndarray) -> np.ndarray | None:
    """The homography (3, 3) near `H` under which the image looks like itself; None: there is none."""
    start = H.astype(np.float32)
    inside = _inside(H, image.shape).astype(np.uint8)
    try:
        # The input is sampled at H(x): pixels where this leaves the image do not count.
        _, refined = cv2.findTransformECC(image, image, start, cv2.MOTION_HOMOGRAPHY, _STEPS, inside, 5)
    except cv2.error:  # it did not converge
        return None
    return refined.astype(np.float64)


def _inside(H: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Mask (h, w) of the pixels that `H` (3, 3) maps into the image."""
    ones = np.ones(shape[:2], np.uint8)
    return cv2.warpPerspective(ones, H, shape[1::-1], flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP).astype(bool)
