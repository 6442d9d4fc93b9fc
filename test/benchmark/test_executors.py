"""Runs on the workers of a cluster: equal to those of one machine, also where a worker dies; and what is refused."""

import json
import socket
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest
from waits import WAIT_S

from depth_pc_ros.benchmark.__main__ import main
from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.results import FILE_NAME, read_results
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.benchmark.trial import TIMED_KEYS
from depth_pc_ros.errors import ConfigError

METHODS, EPISODES = "oracle,pbvs", 4


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a scheduler with two workers of one process each, and the workers."""
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    folder = tmp_path_factory.mktemp("cluster")
    file, log = folder / "scheduler.json", open(folder / "log", "w")  # noqa: SIM115

    def start(*words):
        return subprocess.Popen([sys.executable, "-m", "dask", *words], cwd=folder, stdout=log, stderr=log)

    where = ("--host", "127.0.0.1", "--no-dashboard")
    scheduler = start("scheduler", *where, "--port", "0", "--scheduler-file", str(file))
    wait_until(lambda: file.exists() and file.read_text().endswith("}"))
    address = json.loads(file.read_text())["address"]
    workers = [start("worker", address, "--no-nanny", "--nthreads", "1", *where) for _ in range(2)]
    wait_until(lambda: joined(address) == 2)
    yield address, workers
    for process in (*workers, scheduler):
        process.terminate()
    for process in (*workers, scheduler):
        process.wait(60)
    log.close()


def wait_until(condition) -> None:
    """Until `condition()` holds."""
    until = time.monotonic() + 2 * WAIT_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def joined(address: str) -> int:
    """Workers that a scheduler knows."""
    from distributed import Client

    with Client(address, timeout=60, set_as_default=False) as client:
        return len(client.nthreads())


@pytest.fixture
def e_image(photo_dir):
    def run(output, *more):
        words = ["e_image", "--images", str(photo_dir), "--methods", METHODS, "--output", str(output)]
        return main([*words, "--episodes", str(EPISODES), "--max-steps", "4", *more])

    return run


@pytest.fixture(scope="module")
def here(photo_dir, tmp_path_factory) -> dict:
    """The trials of a run on this machine alone."""
    folder = tmp_path_factory.mktemp("local")
    words = ["e_image", "--images", str(photo_dir), "--methods", METHODS, "--output", str(folder)]
    assert main([*words, "--episodes", str(EPISODES), "--max-steps", "4"]) == 0
    return untimed(folder)


def untimed(folder) -> dict:
    return {
        (t["episode"], t["method"]): {key: value for key, value in t.items() if key not in TIMED_KEYS}
        for t in read_results(folder).trials
    }


def test_two_workers_give_the_trials_of_one_machine_and_a_death_loses_none(cluster, here, e_image, tmp_path):
    address, workers = cluster
    assert e_image(tmp_path / "two", "--executor", "dask", "--address", address) == 0
    assert untimed(tmp_path / "two") == here
    assert len(here) == 2 * EPISODES

    path = tmp_path / "one" / FILE_NAME
    finished = []

    def kill():
        wait_until(lambda: path.exists() and len(path.read_text().splitlines()) > 2)
        finished.append(len(path.read_text().splitlines()))
        workers[0].kill()

    killer = threading.Thread(target=kill)
    killer.start()
    assert e_image(tmp_path / "one", "--executor", "dask", "--address", address) == 0
    killer.join()
    assert finished[0] < 2 + 2 * EPISODES
    assert untimed(tmp_path / "one") == here


@pytest.fixture
def silent():
    """The address of a program that takes a connection and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--executor", "dask"], "address: expected that of a Dask scheduler"),
        (["--address", "tcp://127.0.0.1:8786"], "address: expected it with --executor dask only"),
        (["--executor", "dask", "--address", "tcp://127.0.0.1:1"], "found none: "),
        (["--executor", "dask", "--address", "somewhere"], "found none: missing port number"),
        (["--executor", "dask", "--address", "{silent}"], "found none: "),
    ],
)
def test_an_address_that_does_not_answer_is_named(words, expected, silent, e_image, tmp_path, monkeypatch, capsys):
    executor = pytest.importorskip("depth_pc_ros.benchmark.dask_executor", reason="the extra 'cluster' is missing")
    monkeypatch.setattr(executor, "_ANSWER_S", 0.5)
    assert e_image(tmp_path / "none", *[word.format(silent=silent) for word in words]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert expected in lines[0]
    assert not (tmp_path / "none").exists()


def test_a_worker_with_other_versions_is_refused(monkeypatch):
    executor = pytest.importorskip("depth_pc_ros.benchmark.dask_executor", reason="the extra 'cluster' is missing")
    worker = types.SimpleNamespace(address="tcp://there:1", state=types.SimpleNamespace(nthreads=1))

    def setup(folder, **other):
        executor._Processes("run", Settings(), Places(), folder, executor.versions() | other).setup(worker)

    setup(Path.cwd())
    with pytest.raises(ConfigError, match=r"tcp://there:1: expected the same versions, got numpy .* \(here 1\.0\)"):
        setup(Path.cwd(), numpy="1.0")
    with pytest.raises(ConfigError, match="has no folder /no/such"):
        setup(Path("/no/such"))
    monkeypatch.setattr(executor.multiprocessing, "current_process", lambda: types.SimpleNamespace(daemon=True))
    with pytest.raises(ConfigError, match="give it --no-nanny"):
        setup(Path.cwd())
