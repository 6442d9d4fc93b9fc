"""The command line from end to end: runs, resumes, repeats itself, and names what is wrong."""

import json
import signal
import subprocess
import sys
import time

import pytest

from depth_pc_ros.benchmark import commands
from depth_pc_ros.benchmark.__main__ import main, parser
from depth_pc_ros.benchmark.results import FILE_NAME, read_results
from depth_pc_ros.benchmark.trial import TIMED_KEYS


@pytest.fixture
def e_image(photo_dir):
    def run(output, *more, methods="oracle"):
        words = ["e_image", "--images", str(photo_dir), "--methods", methods, "--output", str(output)]
        return main([*words, "--workers", "1", *more])

    return run


def untimed(folder) -> dict:
    trials = read_results(folder).trials
    return {
        (t["episode"], t["method"]): {key: value for key, value in t.items() if key not in TIMED_KEYS} for t in trials
    }


def test_numbers_depend_neither_on_workers_nor_on_interruptions(e_image, tmp_path, capsys):
    more = ("--episodes", "3", "--max-steps", "6")
    assert e_image(tmp_path / "one", *more, methods="oracle,pbvs") == 0
    assert e_image(tmp_path / "two", "--episodes", "1", "--max-steps", "6", methods="pbvs") == 0
    assert e_image(tmp_path / "two", *more, "--workers", "2", methods="oracle,pbvs") == 0
    one, two = untimed(tmp_path / "one"), untimed(tmp_path / "two")
    assert len(one) == 6
    assert one == two
    assert len(read_results(tmp_path / "two").runs) == 2
    assert "pbvs" in capsys.readouterr().out
    for name in ("summary.md", "report.html"):
        assert (tmp_path / "one" / name).stat().st_size > 500


def test_finished_trials_do_not_run_again(e_image, tmp_path):
    e_image(tmp_path, "--episodes", "2")
    before = (tmp_path / FILE_NAME).read_bytes()
    assert e_image(tmp_path, "--episodes", "2") == 0
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_a_corrupt_trial_is_reported_and_runs_again(e_image, tmp_path, capsys):
    e_image(tmp_path, "--episodes", "2")
    whole = untimed(tmp_path)
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[:-300])
    assert e_image(tmp_path, "--episodes", "2") == 0
    assert f"{path}, line 4: corrupt" in capsys.readouterr().err
    assert untimed(tmp_path) == whole


def test_a_kill_keeps_finished_trials_and_leaves_no_worker(photo_dir, tmp_path):
    words = ["e_image", "--images", str(photo_dir), "--methods", "pbvs", "--output", str(tmp_path)]
    command = [sys.executable, "-m", "depth_pc_ros.benchmark", *words, "--max-steps", "3"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    path = tmp_path / FILE_NAME
    while process.poll() is None and (not path.exists() or path.read_text().count("\n") < 4):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.read()  # ends when the last worker has ended: they share the pipe
    finished = len(read_results(tmp_path).trials)
    assert 2 <= finished < 150
    assert main([*words, "--max-steps", "3", "--episodes", "2"]) == 0
    assert len(read_results(tmp_path).trials) == finished


def test_exported_scenes_run_like_generated_ones(e_image, tmp_path, photo_dir, capsys):
    scenes = tmp_path / "scenes.json"
    assert e_image(tmp_path / "none", "--episodes", "2", "--export-scenes", str(scenes)) == 0
    assert not (tmp_path / "none").exists()
    assert len(json.loads(scenes.read_text())["episodes"]) == 2
    assert e_image(tmp_path / "file", "--episodes", "2", "--scenes", str(scenes)) == 0
    assert e_image(tmp_path / "seed", "--episodes", "2") == 0
    for folder in ("file", "seed"):
        assert len(untimed(tmp_path / folder)) == 2
    for key, trial in untimed(tmp_path / "file").items():
        assert trial["te_mm"] == untimed(tmp_path / "seed")[key]["te_mm"]


def test_without_meshes_e_generic_runs_and_says_so(tmp_path, capsys):
    assert main(["e_ycb", "--methods", "oracle", "--episodes", "1", "--workers", "1", "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("E_generic: no --ycb-root was given")
    assert "E_generic, dev, seed 0" in printed
    assert read_results(tmp_path).settings.environment == "E_generic"
    assert "E_generic" in (tmp_path / "summary.md").read_text()


def test_e_mujoco_runs_in_scenes_that_reload(mujoco, tmp_path, capsys):
    scenes, words = tmp_path / "scenes.json", ["e_mujoco", "--episodes", "1", "--workers", "1", "--max-steps", "4"]
    assert main([*words, "--export-scenes", str(scenes)]) == 0
    assert main([*words, "--methods", "ibvs", "--output", str(tmp_path / "seed")]) == 0
    assert main([*words, "--methods", "ibvs", "--scenes", str(scenes), "--output", str(tmp_path / "file")]) == 0
    assert capsys.readouterr().out.startswith("E_mujoco: no --ycb-root was given")
    (trial,), (again,) = (untimed(tmp_path / name).values() for name in ("seed", "file"))
    assert trial["matches_min"] > 50
    assert trial["te_mm"] == again["te_mm"] < trial["start_te_mm"]
    settings = read_results(tmp_path / "seed").settings
    assert (settings.environment, settings.renderer) == ("E_mujoco", "mujoco")
    assert "E_mujoco: printed packages" in (tmp_path / "seed" / "summary.md").read_text()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["e_ycb", "--ycb-root", "/no/meshes"], "no such folder: /no/meshes"),
        (["e_ycb", "--methods", "pbvs,magic"], "unknown method 'magic'; known: oracle, pbvs"),
        (["e_ycb", "--levels", "S,XL"], "levels: expected some of S,M,L, got 'XL'"),
        (["e_ycb", "--scene", "hard"], "needs YCB objects"),
        (["e_mujoco", "--scene", "hard"], "needs YCB objects"),
        (["e_mujoco", "--ycb-root", "/no/meshes"], "no such folder: /no/meshes"),
        (["e_ycb", "--occlude", "0.9"], "occlude: expected a value in [0.0, 0.7]"),
        (["e_ycb", "--scenes", "/no/file.json"], "cannot read /no/file.json"),
        (["e_image", "--images", "/no/photos"], "no such folder: /no/photos"),
        (["e_ycb", "--output", "/proc/nothing"], "cannot write in /proc/nothing"),
        (["report", "/no/results"], "cannot read /no/results/trials.jsonl"),
    ],
)
def test_errors_name_what_is_wrong(words, expected, capsys):
    assert main(words) == 2
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize("words", [["e_ycb", "--fog"], ["e_image", "--levels", "S"], ["e_ycb", "--depth", "lidar"]])
def test_unknown_variants_are_refused(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert words[1] in capsys.readouterr().err


def test_results_of_other_settings_in_the_folder_are_an_error(e_image, tmp_path, capsys):
    e_image(tmp_path, "--episodes", "1")
    assert e_image(tmp_path, "--episodes", "1", "--seed", "5") == 2
    assert "seed is 0 there, 5 now" in capsys.readouterr().err


def test_results_know_the_weights_of_a_learned_matcher_but_not_where_they_were(photo_dir, tmp_path):
    def settings(detector: bytes, lightglue: bytes):
        for name, content in (("a.pth", detector), ("b.pth", lightglue)):
            (tmp_path / name).write_bytes(content)
        words = ["e_image", "--images", str(photo_dir), "--matcher", "disk"]
        words += ["--matcher-weights", str(tmp_path / "a.pth"), "--lightglue-weights", str(tmp_path / "b.pth")]
        return commands.settings_and_places(parser().parse_args(words))

    first, places = settings(b"1", b"2")
    assert places.matcher_weights == tmp_path / "a.pth"
    assert places.lightglue_weights == tmp_path / "b.pth"
    assert str(tmp_path) not in json.dumps(first.to_mapping())
    assert len({settings(*files)[0].digest for files in ((b"1", b"2"), (b"1", b"3"), (b"3", b"2"))}) == 3


def test_report_compares_folders(e_image, tmp_path, capsys):
    e_image(tmp_path / "a", "--episodes", "1")
    e_image(tmp_path / "b", "--episodes", "1", "--speed", "limited")
    capsys.readouterr()
    assert main(["report", str(tmp_path / "a"), str(tmp_path / "b"), "--output", str(tmp_path / "page")]) == 0
    assert "limited" in capsys.readouterr().out
    page = (tmp_path / "page" / "report.html").read_text()
    assert "speed paper" in page
    assert "speed limited" in page
    assert (tmp_path / "page" / "summary.md").read_text().startswith("## Overview")


def test_an_archived_run_gives_the_tables_of_the_run_and_a_page_elsewhere(e_image, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    e_image(tmp_path / "run", "--episodes", "2", methods="oracle,pbvs")
    kept = tmp_path / "kept"
    assert main(["archive", "run", "--output", "kept"]) == 0
    assert [str(path.relative_to(kept)) for path in sorted(kept.rglob("*.*"))] == [
        f"run/{FILE_NAME}.xz", "summary.md",
    ]  # fmt: skip
    assert (kept / "summary.md").read_bytes() == (tmp_path / "run" / "summary.md").read_bytes()
    before = {path: path.read_bytes() for path in kept.rglob("*.*")}
    assert main(["report", "kept", "--images", str(tmp_path / "none")]) == 0
    page = tmp_path / "out" / "benchmark" / "report" / "kept"
    assert "Error over time" in (page / "report.html").read_text()
    assert (page / "summary.md").read_bytes() == (kept / "summary.md").read_bytes()
    assert {path: path.read_bytes() for path in kept.rglob("*.*")} == before


def test_help_teaches_with_examples(capsys):
    with pytest.raises(SystemExit):
        main(["e_ycb", "--help"])
    printed = capsys.readouterr().out
    for word in ("examples:", "--ycb-root ../shared/ycb", "robustness variants", "report out/"):
        assert word in printed
