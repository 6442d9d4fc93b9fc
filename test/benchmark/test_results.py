"""Finished trials are never lost, never mixed with others, and read only as the schema says."""

import gzip
import json
import lzma
import os

import pytest

from depth_pc_ros.benchmark import results as results_module
from depth_pc_ros.benchmark.results import FILE_NAME, read_results, results_folders
from depth_pc_ros.benchmark.results_writer import ResultsWriter
from depth_pc_ros.benchmark.schema import ResultsError
from depth_pc_ros.benchmark.settings import Settings

RUN = {"command": "first", "commit": "abc", "started": "now", "host": "2 cores"}

FAULT = ("commanded_mm", "commanded_deg", "end_mm")


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
        (1, lambda row: row.pop("settings"), "line 1: missing key 'settings'"),
        (1, lambda row: row.update(settings={}), "line 1: settings: missing key 'environment'"),
        (1, lambda row: row.update(settings=[]), r"line 1: settings: expected object, got \[\]"),
        (1, lambda row: row["settings"].update(seed=None), "line 1: settings: seed: expected int, got NoneType"),
        (1, lambda row: row["settings"].update(environment=[1]), "line 1: settings: environment: expected str"),
        (1, lambda row: row["settings"].update(occlude=10**30), "line 1: settings: occlude: expected a value in"),
        (1, lambda row: row.update(kind=None), "line 1: expected the header"),
        (1, lambda row: row.update(version=None), "line 1: expected schema version 1, got None"),
        (1, lambda row: row.update(version=True), "line 1: version: expected 1, got true"),
        (2, lambda row: row.pop("commit"), "line 2: missing key 'commit'"),
        (2, lambda row: row.update(kind=[]), r"line 2: kind: expected one of header, run, trial, answer, got \[\]"),
        (2, lambda row: row.update(kind={}), "line 2: kind: expected one of"),
        (2, lambda row: row.update(places={"x": "y"}), "line 2: places: unknown key 'x'"),
        (2, lambda row: row.update(places=None), "line 2: places: expected object, got null"),
        (2, lambda row: row.update(host="a\x1b[2Jb"), "line 2: host: expected pattern"),
        (3, lambda row: row.update(label="a\nb"), "line 3: label: expected pattern"),
        (3, lambda row: row.update(method="x" * 500), "line 3: method: expected pattern"),
        (3, lambda row: row.update(episode="dev/S/" + "9" * 5000), "line 3: episode: expected pattern"),
        (3, lambda row: row.update(te_mm=None), "line 3: te_mm: expected number, got null"),
        (3, lambda row: row.update(trace=None), "line 3: trace: expected object, got null"),
        (3, lambda row: row.update(fault={}), "line 3: fault: missing key"),
        (3, lambda row: row.update(fault=dict.fromkeys(FAULT, 1)), "line 3: fault: expected none"),
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


@pytest.mark.parametrize("text", ["NaN", "1e999", "9" * 5000, "[" * 100_000, '{"a":' * 500])
def test_a_line_with_a_value_that_cannot_be_is_broken(folder, text):
    path = folder / FILE_NAME
    lines = path.read_text().splitlines()
    lines[2] = lines[2].replace('"te_mm": 0.5', f'"te_mm": {text}')
    path.write_text("\n".join(lines) + "\n")
    assert [number for number, _ in read_results(folder).broken] == [3]


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "[" * 100_000, '{"kind": "header"}', "\x00", '{"kind": ["header"]}'], ids=range(7)
)
def test_a_first_line_that_is_no_header_is_named_in_one_line(folder, text):
    (folder / FILE_NAME).write_text(text + "\n")
    with pytest.raises(ResultsError, match=rf"^results: .*{FILE_NAME}, line 1: expected") as error:
        read_results(folder)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(("suffix", "compress"), [("xz", lzma.compress), ("gz", gzip.compress)])
def test_results_that_unpack_to_too_much_are_refused(folder, suffix, compress, monkeypatch):
    monkeypatch.setattr(results_module, "_MAX_BYTES", 20_000_000)
    text = (folder / FILE_NAME).read_bytes() + b"\n" * 30_000_000
    (folder / FILE_NAME).unlink()
    (folder / f"{FILE_NAME}.{suffix}").write_bytes(compress(text))
    with pytest.raises(ResultsError, match="expected at most 20 MB unpacked, it holds more"):
        read_results(folder)


def test_numbers_that_are_not_finite_are_not_written(folder, trial):
    before = (folder / FILE_NAME).read_bytes()
    with ResultsWriter(folder, Settings()) as writer, pytest.raises(ResultsError, match="expected finite numbers"):
        writer.add_trial(trial(episode="dev/L/000", te_mm=float("nan")))
    assert (folder / FILE_NAME).read_bytes() == before


REAL = Settings(environment="E_real")


@pytest.fixture
def answers_folder(tmp_path, answer):
    with ResultsWriter(tmp_path / "real", REAL) as writer:
        writer.add_run(RUN)
        writer.add_answer(answer())
    return tmp_path / "real"


def test_answers_are_read_once_each(answers_folder, answer):
    path = answers_folder / FILE_NAME
    path.write_text(path.read_text() + path.read_text().splitlines()[2] + "\n")
    results = read_results(answers_folder)
    assert results.answers == [{"kind": "answer", **answer()}]
    assert results.answered == {("dev/000", "pbvs")}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda row: row.update(pair="dev/S/000"), "pair: expected pattern"),
        (lambda row: row.update(pair="dev/" + "9" * 30), "pair: expected pattern"),
        (lambda row: row.update(label="a\nb"), "label: expected pattern"),
        (lambda row: row.update(goal="a\x1b[2J"), "goal: expected pattern"),
        (lambda row: row.update(outcome="success"), "outcome: expected one of lost, right"),
        (lambda row: row.update(cause="bad luck"), "cause: expected one of"),
        (lambda row: row.update(overlap=1.5), "overlap: expected maximum 1, got 1.5"),
        (lambda row: row.update(right_share=-0.1), "right_share: expected minimum 0"),
        (lambda row: row.update(way_deg="x"), 'way_deg: expected number or null, got "x"'),
        (lambda row: row.update(matches=1.5), "matches: expected integer, got 1.5"),
        (lambda row: row.update(message=None), "message: expected string, got null"),
        (lambda row: row.pop("scale"), "missing key 'scale'"),
        (lambda row: row.update(level="S"), "unknown key 'level'"),
    ],
)
def test_an_answer_that_breaks_the_schema_is_named(answers_folder, change, expected):
    changed(answers_folder, 3, change)
    with pytest.raises(ResultsError, match=f"{FILE_NAME}, line 3: {expected}"):
        read_results(answers_folder)


def test_what_a_law_does_not_say_is_null(answers_folder):
    unknown = dict.fromkeys(("re_deg", "te_share", "translation_deg", "scale", "way_deg", "right_share"))
    changed(answers_folder, 3, lambda row: row.update(unknown, outcome="lost"))
    assert read_results(answers_folder).answers[0]["scale"] is None


def test_an_answer_in_results_of_a_simulation_is_refused(folder, answer):
    changed(folder, 4, lambda row: (row.clear(), row.update(kind="answer", **answer())))
    with pytest.raises(ResultsError, match="line 4: answer: expected one in results of E_real only"):
        read_results(folder)
