"""Finished trials are never lost, and never mixed with others."""

import json
import os

import pytest

from depth_pc_ros.benchmark.results import FILE_NAME, ResultsError, ResultsWriter, read_results
from depth_pc_ros.benchmark.settings import Settings


@pytest.fixture
def folder(tmp_path, trial):
    """Two trials, written by a run that has ended."""
    with ResultsWriter(tmp_path / "out", Settings()) as writer:
        writer.add_run({"command": "first"})
        writer.add_trial(trial())
        writer.add_trial(trial(episode="dev/M/000", level="M"))
    return tmp_path / "out"


def test_what_is_written_is_read(folder):
    results = read_results(folder)
    assert results.settings == Settings()
    assert results.finished == {("dev/S/000", "pbvs"), ("dev/M/000", "pbvs")}
    assert results.runs[0]["command"] == "first"
    assert results.broken == []


def test_results_from_before_the_scale_was_found_say_so(folder):
    path = folder / FILE_NAME
    path.write_text(path.read_text().replace('"find_scale": true, ', "", 1))
    assert read_results(folder).settings == Settings(find_scale=False)
    with pytest.raises(ResultsError, match="find_scale is False there, True now"):
        ResultsWriter(folder, Settings())


def test_results_from_before_a_setting_came_have_its_default_and_go_on(folder):
    path = folder / FILE_NAME
    header, *rest = path.read_text().splitlines()
    header = json.loads(header)
    for name in ("matcher", "matcher_digest"):
        del header["settings"][name]
    path.write_text("\n".join([json.dumps(header), *rest]) + "\n")
    assert read_results(folder).settings == Settings()
    with ResultsWriter(folder, Settings()) as writer:
        assert len(writer.results.trials) == 2


def test_a_second_run_adds_to_the_first(folder, trial):
    with ResultsWriter(folder, Settings()) as writer:
        assert len(writer.results.trials) == 2
        writer.add_trial(trial(episode="dev/L/000", level="L"))
    assert len(read_results(folder).trials) == 3


@pytest.mark.parametrize("cut", [1, 40])
def test_a_line_cut_off_by_a_kill_is_put_aside_and_the_rest_kept(folder, cut):
    path = folder / FILE_NAME
    whole = path.read_text()
    path.write_text(whole[:-cut] if cut > 1 else whole + '{"kind": "tri')
    with ResultsWriter(folder, Settings()) as writer:
        assert len(writer.results.trials) == (1 if cut > 1 else 2)
        line = 4 if cut > 1 else 5
        assert writer.warnings == [f"{path}, line {line}: corrupt, kept in {FILE_NAME}.corrupt; runs again"]
    aside = (folder / f"{FILE_NAME}.corrupt").read_text()
    assert aside.startswith('{"kind": "tri')
    again = read_results(folder)
    assert again.broken == []
    assert again.runs[0]["command"] == "first"


def test_rubbish_in_the_middle_costs_that_line_only(folder):
    path = folder / FILE_NAME
    lines = path.read_text().splitlines()
    lines[2] = "\x00\x00 rubbish"
    path.write_text("\n".join(lines) + "\n")
    results = read_results(folder)
    assert results.finished == {("dev/M/000", "pbvs")}
    assert [number for number, _ in results.broken] == [3]


def test_other_settings_are_refused_and_named(folder):
    before = (folder / FILE_NAME).read_bytes()
    with pytest.raises(ResultsError, match=r"seed is 0 there, 3 now; speed is 'paper' there, 'limited' now"):
        ResultsWriter(folder, Settings(seed=3, speed="limited"))
    assert (folder / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("first", ["rubbish", '{"kind": "trial"}', '{"kind": "header", "version": 7}'])
def test_a_file_without_a_usable_header_is_left_alone(folder, first):
    path = folder / FILE_NAME
    path.write_text(first + "\n" + "\n".join(path.read_text().splitlines()[1:]))
    before = path.read_bytes()
    with pytest.raises(ResultsError, match=r"line 1|version 1, got 7"):
        ResultsWriter(folder, Settings())
    assert path.read_bytes() == before


def test_two_runs_cannot_share_a_folder(tmp_path):
    with ResultsWriter(tmp_path, Settings()), pytest.raises(ResultsError, match="another benchmark"):
        ResultsWriter(tmp_path, Settings())
    ResultsWriter(tmp_path, Settings()).__exit__()


def test_folders_that_cannot_be_read_or_written_are_named(tmp_path):
    with pytest.raises(ResultsError, match="cannot read"):
        read_results(tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match=rf"cannot write in {tmp_path}/file"):
        ResultsWriter(tmp_path / "file", Settings())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ResultsError, match="cannot write"):
        ResultsWriter(tmp_path / "out", Settings())
