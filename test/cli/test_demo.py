"""The demo: a whole run, and every failure: one clear line, the results so far, no process left."""

import asyncio
import csv
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from ports import free_port
from view_messages import unpacked
from waits import WAIT_S

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.client import ServoClient
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.bringup.processes import NodeProcesses
from depth_pc_ros.cli import demo
from depth_pc_ros.cli.replay_setup import ReplayConfig, prepare
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.types import ServoState

NODES = {"bridge", "keypoints", "depth", "controller", "adapter"}


def start(output, *words):
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    command = [sys.executable, "-m", "depth_pc_ros.cli.demo", "--output", str(output), *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def wait_until_moving(process):
    for line in process.stdout:
        if line.startswith("SERVOING"):
            return
    pytest.fail(f"the demo ended before it moved: {process.stderr.read()}")


def wait_for_line(process, text: str):
    for line in process.stdout:
        if line.endswith(f"{text}\n"):
            return
    pytest.fail(f"the demo ended before it said {text!r}: {process.stderr.read()}")


def node_processes(process) -> dict[str, psutil.Process]:
    """Nodes by name among the children of the demo."""
    children = psutil.Process(process.pid).children(recursive=True)
    return {
        word.removeprefix("__node:="): child
        for child in children
        for word in child.cmdline()
        if word.startswith("__node:=")
    }


def rows(output):
    with open(output / "run.csv", newline="") as file:
        return list(csv.DictReader(file))


async def look_until_it_moves(address: str) -> None:
    """Be a browser until the page's curves say that the servo moved."""
    import aiohttp

    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{address}/live", headers={"Origin": address}) as page,
    ):
        await page.receive_json()
        seen = set()
        while not seen & {"SERVOING", "CONVERGED"}:
            await page.send_str("live")
            head, _ = unpacked(await page.receive_bytes(timeout=WAIT_S))
            seen |= {ServoState(state).name for *_, state in head["samples"]}


@pytest.mark.ros
@pytest.mark.slow
def test_a_watched_and_recorded_run_converges_stays_and_leaves_its_results(tmp_path):
    pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'depth_pc_ros[view]'")
    pytest.importorskip("rosbags", reason="needs rosbags: pip install 'depth_pc_ros[rosbag]'")
    address, bag = f"http://127.0.0.1:{(port := free_port())}", tmp_path / "bag"
    words = "--seed", "1", "--level", "S", "--animation", "--record", str(bag), "--view", "--view-port", str(port)
    process = start(tmp_path, *words)
    try:
        wait_for_line(process, f"open {address}/ in a browser to start")
        asyncio.run(asyncio.wait_for(look_until_it_moves(address), 4 * WAIT_S))
        wait_for_line(process, "CONVERGED; the page stays until Ctrl-C")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=4 * WAIT_S)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, "")
    header, _, row = out.split("\n\n")[1].splitlines()
    assert "TE mm" in header
    state, te_mm, re_deg, steps, seconds, matches = row.split()
    assert state == "CONVERGED"
    assert float(te_mm) <= 3.0
    assert float(re_deg) <= 0.3
    assert 0.04 * (int(steps) - 1) == pytest.approx(float(seconds), abs=0.05)  # no image without a step
    assert int(matches) >= 100
    for name in ("demo.png", "trajectory.png", "goal.png"):
        assert (tmp_path / name).stat().st_size > 20_000, name
    assert 20_000 < (tmp_path / "demo.webp").stat().st_size < 3_000_000
    frames = rows(tmp_path)
    assert len(frames) == int(steps)
    assert frames[-1]["state"] == "CONVERGED"
    assert float(frames[0]["te_mm"]) > 20 * float(frames[-1]["te_mm"])
    assert {path.stem for path in (tmp_path / "logs").iterdir()} == NODES | {"watch", "record"}
    replayed = prepare(bag, ReplayConfig(), {}, lambda *view: None).run(lambda count: None)
    assert len(replayed.commands) == int(steps)
    assert replayed.differences.max() <= 1e-9
    assert replayed.other_states == replayed.notes == []


def test_a_recording_never_overwrites_a_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "interrupt_on_signals", lambda: None)  # the handlers of this process stay
    assert demo.main(["--record", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"demo: record: expected a new folder, {tmp_path} exists\n"


def test_the_animation_is_a_switch():
    assert demo.parser().parse_args(["--animation"]).animation
    assert not demo.parser().parse_args([]).animation


@pytest.mark.ros
@pytest.mark.slow
def test_a_simulation_that_runs_already_is_used(tmp_path):
    config = BringupConfig(level="S", seed=1, lockstep=True, controller="pbvs")
    with NodeProcesses(nodes(config), tmp_path / "running"), ServoClient() as client:
        client.wait_for(lambda status: status.state == status.NO_GOAL, WAIT_S)
        process = start(tmp_path / "demo", "--running")
        out, err = process.communicate(timeout=4 * WAIT_S)
    assert (process.returncode, err) == (0, "")
    assert "starting the nodes" not in out
    state, te_mm, *_ = out.split("\n\n")[1].splitlines()[-1].split()
    assert state == "CONVERGED"
    assert float(te_mm) <= 3.0


def test_what_is_chosen_at_the_start_of_a_simulation_is_refused_later(tmp_path, capsys):
    assert demo.main(["--running", "--seed", "3", "--arm", "--output", str(tmp_path)]) == 1
    error = "demo: --running: the nodes run already, --arm, --seed can only be given when they are started\n"
    assert capsys.readouterr().err == error


@pytest.mark.ros
@pytest.mark.slow
def test_ctrl_c_while_moving_stops_everything_and_keeps_the_record(tmp_path):
    process = start(tmp_path, "--controller", "pbvs")
    wait_until_moving(process)
    nodes = node_processes(process)
    assert set(nodes) == NODES
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode != 0
    assert err == "demo: interrupted\n"
    assert not [name for name, node in nodes.items() if node.is_running()]
    assert len(rows(tmp_path)) >= 1
    assert not list(tmp_path.glob("*.webp")) + list(tmp_path.glob("demo.png"))  # drawing would take a while


@pytest.mark.ros
@pytest.mark.parametrize("started", [1, len(NODES)])
def test_ctrl_c_while_it_starts_stops_everything(tmp_path, started):
    process = start(tmp_path, "--controller", "pbvs")
    while len(children := psutil.Process(process.pid).children()) < started:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert err == "demo: interrupted\n"
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.ros
def test_nodes_end_with_a_demo_that_is_killed(tmp_path):
    process = start(tmp_path, "--controller", "pbvs")
    process.stdout.readline()
    while len(nodes := node_processes(process)) < len(NODES):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=WAIT_S)
    gone, alive = psutil.wait_procs(nodes.values(), timeout=WAIT_S)
    assert (len(gone), alive) == (len(NODES), [])


@pytest.mark.ros
@pytest.mark.slow
def test_a_node_that_dies_is_named(tmp_path):
    process = start(tmp_path, "--controller", "pbvs")
    wait_until_moving(process)
    nodes = node_processes(process)
    nodes["keypoints"].kill()
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert err.startswith("demo: node keypoints was killed by SIGKILL")
    assert len(err.splitlines()) == 1
    assert not [name for name, node in nodes.items() if node.is_running()]
    assert len(rows(tmp_path)) >= 1


@pytest.mark.ros
def test_a_missing_ycb_folder_is_named(tmp_path):
    process = start(tmp_path, "--scene", "ycb", "--ycb-root", str(tmp_path / "nowhere"))
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert "nowhere" in err
    assert len(err.splitlines()) == 1
    assert rows(tmp_path) == []
    assert (tmp_path / "logs" / "bridge.log").is_file()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--seed", "-3"], "seed"),
        (["--seed", "many"], "seed"),
        (["--scene", "moon"], "scene"),
        (["--level", "XL"], "level"),
        (["--controller", "pid"], "controller: expected one of ibvs, pbvs, depth_pc, depth_pc_geo, got 'pid'"),
        (["--depth", "lidar"], "depth: expected one of camera, estimated, none, got 'lidar'"),
        (["--timeout", "0"], "timeout"),
        (["--timeout", "nan"], "timeout"),
    ],
)
def test_a_bad_argument_is_one_line_and_starts_nothing(tmp_path, capsys, words, named):
    with pytest.raises(SystemExit) as end:
        raise SystemExit(demo.main(["--output", str(tmp_path / "out"), *words]))
    assert end.value.code in (1, 2)
    last_line = capsys.readouterr().err.strip().splitlines()[-1]
    assert named in last_line
    assert not (tmp_path / "out").exists()


def test_the_flags_become_start_up_options():
    def options(*words):
        return demo._options(demo.parser().parse_args(words))

    assert options() == BringupConfig(lockstep=True)
    assert options("--arm", "--real-time", "--seed", "3") == BringupConfig(rig="arm", seed=3)
    assert options("--speed", "limited", "--depth", "none", "--matcher", "orb", "--level", "S") == BringupConfig(
        lockstep=True, speed="limited", depth="none", matcher="orb", level="S"
    )


def test_an_output_that_is_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert demo.main(["--output", str(tmp_path / "file")]) == 1
    assert str(tmp_path / "file") in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_demo_over_a_running_one_is_refused_and_keeps_its_results(tmp_path, monkeypatch, capsys):
    def refuse(specs):
        raise DepthPcError(f"running already: {specs[0].full_name}")

    monkeypatch.setattr(demo, "refuse_running", refuse)
    (tmp_path / "run.csv").write_text("of the other")
    assert demo.main(["--output", str(tmp_path), "--namespace", "/second"]) == 1
    assert capsys.readouterr().err == "demo: running already: /second/bridge\n"
    assert (tmp_path / "run.csv").read_text() == "of the other"


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as end:
        demo.main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for word in ("--seed", "--controller", "--scene", "--ycb-root", "--arm", "demo.png", "Exit code 0", "examples:"):
        assert word in text
