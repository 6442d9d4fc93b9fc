"""A page of the worst first answers: goal and live image side by side, with the matches that the servo had."""

from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.benchmark.answer import LOST, OFF, OUTCOMES, WRONG_WAY
from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.first_answers import ask, right_matches
from depth_pc_ros.benchmark.methods import check_methods, make_method
from depth_pc_ros.benchmark.metrics import by_method
from depth_pc_ros.benchmark.real_places import run_pairs, run_recording
from depth_pc_ros.benchmark.report import rendered
from depth_pc_ros.benchmark.results import Results
from depth_pc_ros.benchmark.schema import ResultsError
from depth_pc_ros.errors import GoalError
from depth_pc_ros.geometry import se3

NAME = "worst_pairs.html"
PER_METHOD = 8
_WORST_FIRST = (WRONG_WAY, OFF, LOST)
_RIGHT_RGB, _WRONG_RGB, _GAP_PX = (34, 197, 94), (239, 68, 68), 6
_DRAWN = 120  # matches in a picture
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{{ head }}</title>
<style>{{ style | safe }}</style></head><body><h1>{{ head }}</h1>
<p>Left: goal, right: live. Green: a match where the true motion puts it; red: a wrong one.</p><div class="cases">
{%- for case in cases %}
<figure><img alt="matches of {{ case.pair }}" src="data:image/jpeg;base64,{{ case.picture | base64 }}">
<figcaption title="{{ case.meaning }}"><b>{{ case.label }}</b> {{ case.pair }}:
<span class="bad">{{ case.outcome }}</span>, {{ case.text }}</figcaption></figure>
{%- endfor %}
</div></body></html>
"""


def worst(answers: list[dict]) -> list[dict]:
    """The worst few answers of a method: wrong way, then wrong poses, then lost; the farthest from the truth first."""
    bad = [a for a in answers if a["outcome"] in _WORST_FIRST]
    return sorted(bad, key=lambda a: (_WORST_FIRST.index(a["outcome"]), -(a["way_deg"] or 0.0)))[:PER_METHOD]


def write_page(results: Results, places: Places, folder: Path) -> Path | None:
    """Write the page into `folder`; None: every answer is right. Raises ResultsError."""
    settings = results.settings
    count = len(run_pairs(settings, places.recording)[0])
    cases = []
    for name, answers in by_method(results.answers).items():
        method = make_method(*check_methods([name]), settings, places)
        for answer in worst(answers):
            number = int(answer["pair"].split("/")[1])
            if number >= count:
                raise ResultsError(f"results: {results.path}: {answer['pair']}: the recording has {count} pairs")
            cases.append(_case(answer, draw(number, method, settings, places)))
    if not cases:
        return None
    path = folder / NAME
    head = f"Worst first answers: {settings.recording}, {settings.variant}"
    try:
        path.write_text(rendered(_PAGE, head=head, cases=cases), encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"output: cannot write {path}: {error.strerror or error}") from None
    return path


def draw(number: int, method, settings, places: Places) -> np.ndarray:
    """Goal and live image (H, W, 3) uint8 RGB of a pair, with its matches."""
    frames = run_recording(settings, places.recording).frames
    pair = run_pairs(settings, places.recording)[0][number]
    goal, live = frames[pair.goal], frames[pair.live]
    images = [goal.load()[0], live.load()[0]]
    gap = np.full((images[0].shape[0], _GAP_PX, 3), 255, np.uint8)
    canvas = np.hstack([images[0], gap, images[1]])
    try:
        ask(pair, frames, method, settings, places)
    except GoalError:
        return canvas
    matches = method.matcher.last
    T_true = se3.inverse(live.T_world_cam) @ goal.T_world_cam
    right = right_matches(method, goal, live, T_true)
    here, there = method.matcher.goal_points[matches.matched], matches.current_points[matches.matched]
    shift = images[0].shape[1] + _GAP_PX
    for k in range(0, len(here), max(len(here) // _DRAWN, 1)):
        colour = _RIGHT_RGB if right[k] else _WRONG_RGB
        a, b = np.rint(here[k]).astype(int), np.rint(there[k] + (shift, 0)).astype(int)
        cv2.line(canvas, a.tolist(), b.tolist(), colour, 1, cv2.LINE_AA)
        cv2.circle(canvas, a.tolist(), 3, colour, 1, cv2.LINE_AA)
        cv2.circle(canvas, b.tolist(), 3, colour, 1, cv2.LINE_AA)
    return canvas


def _case(answer: dict, picture: np.ndarray) -> dict:
    """What the page says of an answer."""
    small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 82])
    numbers = ", ".join(
        f"{word} {answer[key]:.1f}{unit}"
        for key, word, unit in (("re_deg", "rotation error", "°"), ("way_deg", "way", "°"))
        if answer[key] is not None
    )
    text = (
        f"{answer['goal']} from {answer['live']}: {answer['rotation_deg']:.0f}° and {answer['baseline']:.2f} of the "
        f"distance apart, overlap {answer['overlap']:.2f}; {answer['matches']} matches"
        + ("" if answer["right_share"] is None else f", {100 * answer['right_share']:.0f} % right")
        + (f"; {numbers}" if numbers else "")
        + (f"; {answer['cause']}" if answer["cause"] else "")
        + (f". {answer['message']}" if answer["message"] else "")
    )
    meaning = OUTCOMES[answer["outcome"]]
    names = ("label", "pair", "outcome")
    return {"picture": encoded.tobytes(), "meaning": meaning, "text": text, **{name: answer[name] for name in names}}
