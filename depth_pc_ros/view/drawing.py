"""Pictures for people: matches coloured by their trust, live over goal, their difference, depth. No ROS.

Images and pictures are (H, W, 3) uint8 RGB. Points are pixels (N, 2), with the first pixel's centre at (0, 0).
"""

import dataclasses

import cv2
import numpy as np

from depth_pc_ros.types import Matches

VIEW_PX = 640  # longest side of a picture for a page
_FRACTION_BITS = 3  # OpenCV draws at eighths of a pixel
_TRUST = np.array([(255, 60, 0), (255, 220, 0), (60, 255, 90)], dtype=float)  # of scores 0, 0.5, 1
_UNMATCHED = (150, 150, 150)
_DIFFERENCE_FULL = 64  # grey levels: a difference this large has the brightest colour
_DEPTH_SAMPLES = 5000  # of an image, about so many, to find the scale from
_DEPTH_SHARES = (0.02, 0.98)  # of the known depths: the ends of the colour scale


def trust_colours(scores: np.ndarray) -> np.ndarray:
    """(N, 3) uint8 RGB of scores (N,): red for 0, yellow for 0.5, green for 1."""
    levels = np.linspace(0, 1, len(_TRUST))
    return np.stack([np.interp(scores, levels, channel) for channel in _TRUST.T], axis=1).astype(np.uint8)


def draw_matches(goal: np.ndarray, live: np.ndarray, goal_points: np.ndarray, matches: Matches) -> np.ndarray:
    """(H, 2 W, 3) picture: goal on the left, live on the right, a line for every match.

    goal, live: of one size. goal_points: of the goal's N keypoints; matches: of the same N.
    """
    shift = np.array([goal.shape[1], 0])
    picture = np.hstack([goal, live])
    _draw_lines(picture, goal_points, matches.current_points + shift, matches)
    return picture


def draw_live(live: np.ndarray, goal_points: np.ndarray, matches: Matches) -> np.ndarray:
    """The live image: a dot at every match, and a line from it to where it has to go.

    goal_points: of the goal's N keypoints, in pixels of the live image; matches: of the same N.
    """
    picture = live.copy()
    _draw_lines(picture, matches.current_points, goal_points, matches)
    _draw_dots(picture, matches.current_points, matches)
    return picture


def draw_goal(goal: np.ndarray, goal_points: np.ndarray, matches: Matches) -> np.ndarray:
    """The goal image: a dot at each of its keypoints, grey where it is not matched.

    goal_points: of the goal's N keypoints; matches: of the same N.
    """
    picture = goal.copy()
    for point in _eighths(goal_points[~matches.matched]):
        cv2.circle(picture, point, 8, _UNMATCHED, -1, cv2.LINE_AA, _FRACTION_BITS)
    _draw_dots(picture, goal_points, matches)
    return picture


def overlay(live: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Half live, half goal. Both of one size."""
    return cv2.addWeighted(live, 0.5, goal, 0.5, 0)


def difference(live: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """|live - goal|, mean of the colours: black where they are alike, bright from 64 levels on. Both of one size."""
    mean_to_colour = np.full((1, 3), 255 / _DIFFERENCE_FULL / 3)
    levels = cv2.transform(cv2.absdiff(live, goal), mean_to_colour)  # saturates at 255
    return _coloured_levels(levels, cv2.COLORMAP_INFERNO)


def depth_picture(depth: np.ndarray) -> np.ndarray:
    """Colours of depth (H, W), larger = farther, metric or relative: near is red, far is blue, unknown (NaN) is black.

    The scale goes from the 2nd to the 98th percentile of this image.
    """
    step = max(round((depth.size / _DEPTH_SAMPLES) ** 0.5), 1)
    sample = depth[::step, ::step]
    sample = sample[np.isfinite(sample)]
    if not len(sample):
        return np.zeros((*depth.shape, 3), np.uint8)
    near, far = map(float, np.quantile(sample, _DEPTH_SHARES))
    scale = 255 / max(far - near, 1e-9)
    depth = np.asarray(depth, np.float32)
    clipped = cv2.max(cv2.min(cv2.patchNaNs(depth.copy(), far), far), near)
    picture = _coloured_levels(cv2.convertScaleAbs(clipped, alpha=-scale, beta=far * scale), cv2.COLORMAP_TURBO)
    picture[np.isnan(depth)] = 0
    return picture


class Reduction:
    """Makes images of one size (width, height), and points in them, smaller: to at most `longest` px a side."""

    def __init__(self, size: tuple[int, int], longest: int = VIEW_PX):
        self.scale = min(1.0, longest / max(size))
        self.size = (max(round(self.scale * size[0]), 1), max(round(self.scale * size[1]), 1))

    def image(self, image: np.ndarray) -> np.ndarray:
        """A smaller image (h, w, ...), or itself where it is small enough."""
        return image if self.scale == 1.0 else cv2.resize(image, self.size, interpolation=cv2.INTER_AREA)

    def points(self, points: np.ndarray) -> np.ndarray:
        """Where points (N, 2) are in the smaller image."""
        return self.scale * (points + 0.5) - 0.5

    def matches(self, matches: Matches) -> Matches:
        """The same matches, in the smaller image."""
        return dataclasses.replace(matches, current_points=self.points(matches.current_points))


def jpeg(picture: np.ndarray, quality: int = 80) -> bytes:
    """A picture as a JPEG file."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()


def _coloured_levels(levels: np.ndarray, colours: int) -> np.ndarray:
    """Picture of levels (H, W) uint8 in one of OpenCV's colour maps."""
    return cv2.cvtColor(cv2.applyColorMap(levels, colours), cv2.COLOR_BGR2RGB)


def _eighths(points: np.ndarray) -> list[list[int]]:
    return np.rint(points * 2**_FRACTION_BITS).astype(int).tolist()


def _coloured(matches: Matches) -> list[list[int]]:
    return trust_colours(matches.scores[matches.matched]).tolist()


def _draw_lines(picture: np.ndarray, starts: np.ndarray, ends: np.ndarray, matches: Matches) -> None:
    pairs = zip(_eighths(starts[matches.matched]), _eighths(ends[matches.matched]), _coloured(matches), strict=True)
    for start, end, colour in pairs:
        cv2.line(picture, start, end, colour, 1, cv2.LINE_AA, _FRACTION_BITS)


def _draw_dots(picture: np.ndarray, points: np.ndarray, matches: Matches) -> None:
    for point, colour in zip(_eighths(points[matches.matched]), _coloured(matches), strict=True):
        cv2.circle(picture, point, 20, colour, -1, cv2.LINE_AA, _FRACTION_BITS)
