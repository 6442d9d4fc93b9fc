"""The paper's tables: published numbers, what runs for their rows, their page, and what is refused."""

import functools
import shutil
from pathlib import Path

import numpy as np
import pytest

from depth_pc_ros.benchmark import ablations, archive, paper, paper_report
from depth_pc_ros.benchmark.__main__ import main
from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.methods import METHODS
from depth_pc_ros.benchmark.paper_tables import STEPS, TABLES, Row, Table, part_name, parts_of
from depth_pc_ros.benchmark.results import FILE_NAME, Results, read_results, results_folders
from depth_pc_ros.benchmark.settings import E_IMAGE, Settings

ROOT = Path(__file__).parents[2]
SMALL = Table(
    "small", E_IMAGE, STEPS, {"depth": "none", "speed": "paper", "max_steps": 5}, 4, 2,
    (
        Row("true poses", "oracle", (100, 0.1, 0.01, 150.0)),
        Row("of the future", "hyper_net", (99, 1.0, 0.1, 100.0)),
        Row("CNS", "cns"),
        Row("other light", "oracle", None, "", "dark", ({"matcher": "orb"},)),
    ),
    "What it is.",
)  # fmt: skip


@pytest.fixture
def small(monkeypatch, photo_dir, tmp_path):
    """Runs `paper` on a table that takes a second."""
    monkeypatch.setitem(TABLES, 2, SMALL)

    def run(*words):
        given = ["--table", "2", "--images", str(photo_dir), "--workers", "1", "--output", str(tmp_path / "out")]
        return main(["paper", *given, *words])

    return run


def test_published_numbers_agree_with_each_other():
    """Table VI gives Depth-PC's means over both distances of Table VII; it is the same row in Tables I, IV and V."""
    near, far = (row.published for row in TABLES[7].rows if row.system == "Depth-PC")
    six = next(row.published for row in TABLES[6].rows if row.system == "Depth-PC")
    np.testing.assert_allclose(np.mean([near, far], axis=0), six, rtol=3e-3)
    assert len({row.published for n in (1, 4, 5) for row in TABLES[n].rows if row.system == "Depth-PC"}) == 1


@pytest.mark.parametrize("number", TABLES)
def test_every_part_has_settings_and_every_row_a_part(number):
    table = TABLES[number]
    for name, part in parts_of(table).items():
        settings = Settings(environment=table.environment, **{**table.settings, **part})
        assert settings.environment == table.environment
        assert any(name in map(part_name, row.parts) for row in table.rows)
    later = {"alexnet", "siame_se3", "compact_flow"}
    assert all(row.method in {*METHODS, *later} and row.ablation in {"", *ablations.ABLATIONS} for row in table.rows)


def test_a_table_runs_resumes_and_says_what_is_missing(small, tmp_path, capsys):
    assert small("--quick") == 0
    printed = capsys.readouterr().out
    assert "table 2: small: 4 trials to go, about 1 min" in printed
    lines = {line.split("  ")[0]: line for line in printed.splitlines()}
    assert lines["true poses"].split()[2:5] == ["oracle", "2", "0.0"]
    assert lines["true poses"].split()[-6:] == ["100", "0.1", "0.01", "150", "2", "timeout"]
    assert lines["of the future"].endswith("not run: there is no method 'hyper_net'")
    assert "not run: methods: cns needs a checkout" in lines["CNS"]
    files = sorted((tmp_path / "out" / "table_2").glob(f"*/{FILE_NAME}"))
    assert [file.parent.name for file in files] == ["orb", "standard"]
    before = [file.read_bytes() for file in files]
    assert small("--quick") == 0
    assert "0 trials to go" in capsys.readouterr().out
    assert [file.read_bytes() for file in files] == before
    assert small() == 0
    assert len(read_results(files[0].parent).trials) == 4


def test_the_page_is_made_of_stored_runs(small, tmp_path, monkeypatch, capsys):
    assert small("--quick") == 0
    stored = tmp_path / "stored"
    runs = [read_results(run) for run in results_folders(tmp_path / "out" / "table_2")]
    archive.archive(runs, stored / "paper_table_2")
    page = tmp_path / "paper.md"
    assert main(["paper_page", str(stored), "--output", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "## Table II: small" in text
    assert "| true poses |  | oracle | 2 | 0.0 |" in text
    assert "| other light | dark | oracle | 2 | 0.0 |" in text
    assert "paper --table 2" in text
    assert text.count("Not stored yet") == len(TABLES) - 1


def test_the_page_of_the_documents_is_that_of_the_stored_trials():
    page = (ROOT / "docs" / "results" / "paper.md").read_text(encoding="utf-8")
    assert page == paper_report.page(ROOT / "benchmark_results")


def test_trials_find_their_rows(trial):
    weights = ablations.weights_of(Path("out/paper/training"), "cns_hpr", 240)
    assert ablations.ablation_of(weights) == ("cns_hpr", "240")
    by_system = {row.system: row for row in TABLES[4].rows}
    methods = {"CNS + HPR": f"depth_pc@{weights}", "CNS": "depth_pc@training/cns-6000/policy"}
    for system, method in methods.items():
        found = [row.system for row in TABLES[4].rows if paper_report.belongs(row, method)]
        assert found == [system]
    ready = [row for row in TABLES[1].rows if paper_report.belongs(row, "depth_pc@my/weights")]
    assert [row.system for row in ready] == ["Depth-PC"]
    results = Results(Path("table_4/standard/trials.jsonl"), Settings(), trials=[trial(method=methods["CNS"])])
    assert len(paper_report.row_trials(by_system["CNS"], [results])) == 1
    assert paper_report.row_trials(by_system["CNS + HPR"], [results]) == []
    results.trials.append(trial(method="depth_pc@training/cns-9000/policy"))
    assert paper_report.row_trials(by_system["CNS"], [results]) == results.trials[1:]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--use", "cns"], "use: expected METHOD@FOLDER, got 'cns'"),
        (["--use", "cns@/no/checkout"], "expected a checkout of the CNS repository"),
        (["--use", "depth_pc@models/depth_pc_geo"], "expected weights of depth_pc"),
        (["--use", "depth_pc@/no/weights"], "no/weights"),
        (["--use", "oracle@/some"], "has no weights to choose"),
        (["--images", "/no/photos"], "no such folder: /no/photos"),
        (["--executor", "dask"], "address: expected that of a Dask scheduler"),
    ],
)
def test_errors_are_one_line(words, expected, small, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert small(*words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert expected in lines[0]
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_of_photographs_is_named(small, tmp_path, capsys):
    assert small("--images", str(tmp_path)) == 2
    assert capsys.readouterr().err.startswith(
        f"benchmark: images: expected files ending in .jpg, .jpeg, .png in {tmp_path}"
    )


@pytest.mark.parametrize("words", [["--table", "8"], ["--table", "I"]])
def test_a_table_that_is_not_there_is_refused(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(["paper", *words])
    assert end.value.code == 2
    assert "argument --table: invalid" in capsys.readouterr().err


def test_tables_of_scenes_need_the_objects(capsys):
    assert main(["paper", "--table", "3", "--quick"]) == 2
    assert "give --ycb-root" in capsys.readouterr().err


def test_what_is_missing_of_the_page_is_named(tmp_path, capsys):
    assert main(["paper_page", str(tmp_path / "none"), "--output", str(tmp_path / "page.md")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert main(["paper_page", str(tmp_path), "--output", "/proc/page.md"]) == 2
    assert "cannot write /proc/page.md" in capsys.readouterr().err


def test_a_training_is_known_by_its_last_update(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard", reason="the extra 'train' is not installed")
    from depth_pc_ros.training import run

    monkeypatch.setattr(run, "TrainingRun", functools.partial(run.TrainingRun, workers=0))
    monkeypatch.setattr(ablations, "_VALIDATION_SCENES", 1)
    monkeypatch.setattr(ablations, "in_worker", lambda: (Settings(), Places()))
    monkeypatch.setattr(ablations, "_COMMON", ablations._COMMON | {"batch_size": 2, "segments": 1, "placements": 1})
    assert not ablations.is_trained(tmp_path, "cns", 2)
    assert ablations._train("cns", 2, tmp_path, {"command": "paper"}) == "cns"
    assert ablations.is_trained(tmp_path, "cns", 2)
    assert not ablations.is_trained(tmp_path, "cns", 3)
    weights = ablations.weights_of(tmp_path, "cns", 2)
    shutil.rmtree(weights)
    (weights.parent / "metrics.jsonl").unlink()  # as if it had been ended during its last validation
    assert not ablations.is_trained(tmp_path, "cns", 2)
    ablations._train("cns", 2, tmp_path, {})
    assert ablations.is_trained(tmp_path, "cns", 2)
    method = f"depth_pc@{weights}"
    assert paper.make_method(method, Settings()).label.startswith("depth_pc (")
