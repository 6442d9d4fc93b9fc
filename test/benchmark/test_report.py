"""Tables and the HTML page say what the trials say, and need nothing but themselves."""

import re

import pytest

from depth_pc_ros.benchmark import episode_slider, figures, report, tables
from depth_pc_ros.benchmark.episodes import EpisodeSource, Places
from depth_pc_ros.benchmark.gallery import worst_trials
from depth_pc_ros.benchmark.results import Results
from depth_pc_ros.benchmark.settings import Settings

RUN = {"command": "python -m depth_pc_ros.benchmark e_ycb", "commit": "abc123", "started": "now", "host": "2 cores"}


@pytest.fixture
def results(tmp_path, trial):
    trials = [
        trial(),
        trial(episode="dev/M/000", level="M", outcome="lost", te_mm=300.0, re_deg=50.0, message="<few> matches"),
        trial(episode="dev/S/000", method="oracle", label="oracle"),
        trial(episode="dev/S/000", method="ibvs", label="ibvs", outcome="timeout", te_mm=9.0, re_deg=0.5),
    ]
    return Results(tmp_path / "trials.jsonl", Settings(), [RUN], trials)


def test_the_terminal_table_is_aligned_and_complete(results):
    lines = tables.terminal(results).splitlines()
    assert lines[0] == "E_YCB, dev, seed 0, speed paper, clean"
    header = lines[2]
    row = next(line for line in lines if line.startswith("pbvs    all"))
    assert row[header.index("SR %") :].split()[:2] == ["50.0", "50.0"]
    assert row.endswith("1 lost")
    assert "1 timeout (of them 1 within 3 cm and 3°)" in "\n".join(lines)
    text = "\n".join(lines)
    assert "velocity doubled" in text
    assert "commit abc123" in text


def test_markdown_tables_have_equal_columns(results):
    rows = [line for line in tables.markdown([results, results]).splitlines() if line.startswith("|")]
    counts = {line.count("|") for line in rows}
    assert counts == {len(tables.COLUMNS) + 1, len(tables.OVERVIEW_COLUMNS) + 1}


def test_generic_results_say_that_they_are_not_ycb(results, tmp_path):
    generic = Results(results.path, Settings(environment="E_generic"), [], results.trials)
    assert "Not comparable with E_YCB" in tables.terminal(generic)
    generic.trials[:] = [trial for trial in generic.trials if trial["method"] == "oracle"]  # needs no pictures
    assert "Not comparable with E_YCB" in report.html([generic], tmp_path)


def test_the_page_needs_nothing_else_and_escapes_what_it_quotes(results, tmp_path):
    page = report.html([results, results], tmp_path, Places())
    assert page.count("data:image/png;base64,") == 6
    assert not re.search(r"(src|href)=['\"](?!data:|#)", page)
    assert "&lt;few&gt; matches" in page
    assert "<few>" not in page
    assert page.count("no picture") == 6
    assert "Overview" in page


def test_the_worst_come_first_and_the_oracle_never(results):
    worst = worst_trials(results)
    assert [trial["episode"] for trial in worst] == ["dev/M/000", "dev/S/000", "dev/S/000"]
    assert all(trial["method"] != "oracle" for trial in worst)


@pytest.mark.parametrize("method", ["pbvs", "depth_pc@out/train/mine"])
def test_pictures_are_drawn_once_and_kept(tmp_path, trial, photo_settings, photo_places, method):
    episode = EpisodeSource(photo_settings, photo_places).episode("P", 0)
    poses = {f"T_world_{name}": episode.T_world_goal.tolist() for name in ("start", "final", "goal")}
    trials = [trial(episode="dev/P/000", level="P", method=method, **poses)]
    results = Results(tmp_path / "trials.jsonl", photo_settings, [], trials)
    page = report.html([results], tmp_path / "pictures", photo_places)
    assert page.count("data:image/jpeg;base64,") == 1
    kept = list((tmp_path / "pictures").iterdir())
    assert [path.name for path in kept] == [f"{photo_settings.digest}-dev-P-000-{method.replace('/', '-')}-0.500.jpg"]
    assert kept[0].stat().st_size < 100_000
    again = report.html([results], tmp_path / "pictures", Places(photo_dir=tmp_path / "gone"))
    assert again.count("data:image/jpeg;base64,") == 1


@pytest.mark.parametrize("draw", [figures.success_bars, figures.errors_over_time, figures.paths])
def test_figures_are_png_even_of_failed_trials_only(draw, trial):
    none = {"step": [], "error_px": [], "te_mm": [], "re_deg": [], "position": []}
    refused = trial(outcome="no_goal", steps=0, trace=none)
    assert draw([trial(outcome="lost"), refused]).startswith(b"\x89PNG")
    assert draw([refused]).startswith(b"\x89PNG")


@pytest.mark.parametrize("draw", [figures.success_bars, figures.errors_over_time, figures.paths])
def test_no_text_of_a_figure_covers_another_or_a_curve(draw, trial, monkeypatch):
    names = ["oracle", "pbvs", "ibvs", "depth_pc", "depth_pc@out/train/one", "depth_pc@out/train/another", "cns"]
    labels = [*names[:4], "depth_pc (out/train/one of a long name)", "depth_pc (another)", "cns"]
    drawn = []
    monkeypatch.setattr(figures, "_png", drawn.append)
    draw([trial(method=name, label=label, level=level) for name, label in zip(names, labels) for level in "SML"])
    (figure,) = drawn
    figure.canvas.draw()
    axes = [axis.get_window_extent() for axis in figure.axes]
    titles = [axis._left_title.get_window_extent() for axis in figure.axes if axis.get_title(loc="left")]
    below = [axis.xaxis.label.get_window_extent() for axis in figure.axes if axis.get_xlabel()]
    legends = [legend.get_window_extent() for part in figure.subfigs for legend in part.legends]
    assert len(titles) == 7 or draw is figures.success_bars
    assert len(legends) == 1
    boxes = [*axes, *titles, *below, *legends]
    covered = [(a.bounds, b.bounds) for k, a in enumerate(boxes) for b in boxes[:k] if a.overlaps(b)]
    assert covered == []
    inside = figure.bbox.padded(1)
    assert all(inside.contains(*box.min) and inside.contains(*box.max) for box in boxes)


EVIL = "<script>alert('x')</script>\"&"


def test_no_text_of_a_trial_becomes_html(tmp_path, trial, monkeypatch):
    """Not even of one that `read_results` would refuse."""
    for name in ("success_bars", "errors_over_time", "paths"):
        monkeypatch.setattr(figures, name, lambda trials: b"")
    monkeypatch.setattr(episode_slider, "SCRIPT", "")
    texts = dict.fromkeys(("method", "label", "outcome", "message"), EVIL)
    run = dict.fromkeys(("command", "commit", "started", "host"), EVIL)
    results = Results(tmp_path / "trials.jsonl", Settings(source=EVIL, depth_model=EVIL), [run], [trial(**texts)])
    page = report.html([results, results], tmp_path, Places())
    assert page.count("&lt;script&gt;alert") > 8
    for part in (EVIL, "<script>alert", "alert('x')"):
        assert part not in page
    assert page.count("<script") == page.count("</script>") == 3  # the data of both folders, and the page's own
    assert re.search(r"<img alt=\"[^\"<>]*\" src=\"data:", page)


def test_no_text_of_a_trial_leaves_its_cell_or_line_in_markdown(tmp_path, trial):
    evil = "a | b\n| c |\n# d <img src=x onerror=y> \x1b[31m"
    run = dict.fromkeys(("command", "commit", "started", "host"), evil)
    results = Results(tmp_path / "trials.jsonl", Settings(depth_model=evil), [run], [trial(method=evil, label=evil)])
    lines = tables.markdown([results, results]).splitlines()
    counts = {len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("|")}
    assert counts == {len(tables.COLUMNS) + 1, len(tables.OVERVIEW_COLUMNS) + 1}
    assert not [line for line in lines if line.startswith("# ") or "<img" in line]


@pytest.mark.parametrize("kept", [0, 2000])
def test_a_damaged_picture_is_drawn_anew(tmp_path, trial, photo_settings, photo_places, kept):
    episode = EpisodeSource(photo_settings, photo_places).episode("P", 0)
    poses = {f"T_world_{name}": episode.T_world_goal.tolist() for name in ("start", "final", "goal")}
    results = Results(tmp_path / "x", photo_settings, [], [trial(episode="dev/P/000", level="P", **poses)])
    page = report.html([results], tmp_path / "pictures", photo_places)
    (path,) = (tmp_path / "pictures").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:kept])
    assert report.html([results], tmp_path / "pictures", photo_places).count("data:image/jpeg") == 1
    assert path.read_bytes() == whole
    assert "data:image/jpeg" in page


def test_the_page_shows_first_answers_and_trials_where_there_are_both(results, answer, tmp_path):
    settings = Settings(environment="E_real", recording="table")
    alone = Results(results.path, settings, [RUN], answers=[answer()])
    both = Results(results.path, settings, [RUN], results.trials, [answer(pair="dev/001", outcome="right", cause="")])
    page = report.html([alone], tmp_path, Places())
    assert '<th class="">right way %</th>' in page
    assert page.count('<tr class="total"><td class="word">table</td>') == 1
    assert "1 mixed" in page
    assert "data:image/png" not in page  # there are no trials to draw
    assert "Overview" not in page
    page = report.html([alone, both], tmp_path, Places())
    assert page.count('<tr class="total"><td class="word">table</td>') == 4  # of each folder, twice
    assert page.count("data:image/png;base64,") == 3
    assert page.count('<th class="">strict %</th>') == 2  # in the overview, and of the folder with trials


def test_no_text_of_an_answer_becomes_html_or_leaves_its_cell(answer, tmp_path):
    evil = f"{EVIL} | x\n# y"
    row = answer(method=evil, label=evil, message=evil, cause=evil, goal=evil, live=evil)
    run = dict.fromkeys(("command", "commit", "started", "host"), evil)
    results = Results(tmp_path / "x", Settings(environment="E_real", recording=evil), [run], answers=[row])
    page = report.html([results, results], tmp_path, Places())
    assert page.count("&lt;script&gt;alert") > 8
    assert "<script" not in page
    text = tables.markdown([results, results])
    assert "<script" not in text
    lines = text.splitlines()
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("|")} == {18 + 1}
    assert not [line for line in lines if line.startswith("# ")]
