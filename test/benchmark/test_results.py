"""Finished trials are never lost, never mixed with others, and read only as the schema says."""

import gzip
import json
import lzma
import os

import pytest

from depth_pc_ros.benchmark.results import FILE_NAME, read_results, results_folders
from depth_pc_ros.benchmark.results_writer import ResultsWriter
from depth_pc_ros.benchmark.schema import ResultsError
from depth_pc_ros.benchmark.settings import Settings

RUN = {"command": "first", "commit": "abc", "started": "now", "host": "2 cores"}


@pytest.fixture
def folder(tmp_path, trial):
    """Two trials, written by a run that has ended."""
    with ResultsWriter(tmp_path / "out", Settings()) as writer:
        writer.add_run(RUN)
        writer.add_trial(trial())
        writer.add_trial(trial(episode="dev/M/000", level="M"))
    return tmp_path / "out"


def test_what_is_written_is_read(folder):
    results = read_results(folder)
    assert results.settings == Settings()
    assert results.finished == {("dev/S/000", "pbvs"), ("dev/M/000", "pbvs")}
    assert results.runs[0]["command"] == "first"
    assert results.broken == []


def test_results_from_before_the_option_find_scale_have_it_off(folder):
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


def changed(folder, number: int, change) -> None:
    """Replace one line of a results file (1: the header) by what `change` makes of its object."""
    path = folder / FILE_NAME
    lines = path.read_text().splitlines()
    row = json.loads(lines[number - 1])
    change(row)
    lines[number - 1] = json.dumps(row)
    path.write_text("\n".join(lines) + "\n")


def test_settings_under_an_old_name_are_read_under_the_new_one(folder):
    changed(folder, 1, lambda row: row["settings"].update(terminal=row["settings"].pop("freeze_depth")))
    assert read_results(folder).settings == Settings()


@pytest.mark.parametrize(
    ("line", "change", "expected"),
    [
        (1, lambda row: row.update(version=2), "line 1: expected schema version 1, got 2"),
        (1, lambda row: row.update(settings=None), "line 1: settings: expected object, got null"),
        (1, lambda row: row.update(fog=1), "line 1: unknown key 'fog'; known keys: kind, version"),
        (1, lambda row: row["settings"].update(seeds=1), r"line 1: settings: unknown key 'seeds' \(did you mean seed"),
        (1, lambda row: row["settings"].update(seed="x"), "line 1: settings: seed: expected int, got str 'x'"),
        (2, lambda row: row.pop("commit"), "line 2: missing key 'commit'"),
        (
            2,
            lambda row: row.update(kind="walk"),
            'line 2: kind: expected one of header, run, trial, answer, got "walk"',
        ),
        (2, lambda row: row.update(kind="header"), "line 2: "),
        (3, lambda row: row.update(te_mm="x"), 'line 3: te_mm: expected number, got "x"'),
        (3, lambda row: row.update(te_mm=-1.0), "line 3: te_mm: expected minimum 0, got -1.0"),
        (3, lambda row: row.update(outcome="won"), 'line 3: outcome: expected one of success, .*, got "won"'),
        (3, lambda row: row.update(speed=1), "line 3: unknown key 'speed'; known keys: kind, episode"),
        (4, lambda row: row["stages_s"].pop("match"), "line 4: stages_s: missing key 'match'"),
        (4, lambda row: row["T_world_goal"].pop(), r"line 4: T_world_goal: expected minItems 4, got \[\[1.0"),
        (4, lambda row: row["trace"]["step"].pop(), "line 4: trace: expected columns of one length"),
        (4, lambda row: row["trace"]["step"].__setitem__(0, None), r"line 4: trace.step\[0\]: expected integer"),
    ],
)
def test_what_breaks_the_schema_is_named_with_file_and_line(folder, line, change, expected):
    changed(folder, line, change)
    with pytest.raises(ResultsError, match=f"{FILE_NAME}, {expected}") as error:
        read_results(folder)
    assert "\n" not in str(error.value)


def test_a_trial_that_breaks_the_schema_is_not_written(folder, trial):
    before = (folder / FILE_NAME).read_bytes()
    with ResultsWriter(folder, Settings()) as writer, pytest.raises(ResultsError, match="te_mm: expected number"):
        writer.add_trial(trial(episode="dev/L/000", te_mm=None))
    assert (folder / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize(("suffix", "compress"), [("xz", lzma.compress), ("gz", gzip.compress)])
def test_compressed_results_are_read_and_a_cut_off_file_is_named(folder, suffix, compress):
    plain = read_results(folder)
    content = compress((folder / FILE_NAME).read_bytes())
    (folder / FILE_NAME).unlink()
    packed = folder / f"{FILE_NAME}.{suffix}"
    packed.write_bytes(content)
    results = read_results(folder)
    assert (results.settings, results.trials, results.runs) == (plain.settings, plain.trials, plain.runs)
    packed.write_bytes(content[:-20])
    with pytest.raises(ResultsError, match=f"cannot read .*{FILE_NAME}.{suffix}: Compressed file ended"):
        read_results(folder)
    packed.write_bytes(b"rubbish")
    with pytest.raises(ResultsError, match=f"cannot read .*{FILE_NAME}.{suffix}"):
        read_results(folder)


def test_a_folder_of_runs_stands_for_its_runs_by_name(folder, tmp_path):
    with ResultsWriter(tmp_path / "another", Settings()):
        pass
    (tmp_path / "empty").mkdir()
    assert results_folders(tmp_path) == [tmp_path / "another", folder]
    assert results_folders(folder) == [folder]
    assert results_folders(tmp_path / "none") == [tmp_path / "none"]


@pytest.mark.parametrize("first", ["rubbish", '{"kind": "trial"}', '{"kind": "header", "version": 7}'])
def test_a_file_without_a_usable_header_is_left_alone(folder, first):
    path = folder / FILE_NAME
    path.write_text(first + "\n" + "\n".join(path.read_text().splitlines()[1:]))
    before = path.read_bytes()
    with pytest.raises(ResultsError, match=r"line 1: expected the header|version 1, got 7"):
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
