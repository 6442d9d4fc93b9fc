"""Packages that only some parts need: the extras of setup.py, and a one-line error where they are missing."""

import contextlib
import importlib.util

from depth_pc_ros.errors import MissingExtraError

# Import names of the packages that the simulators, training, the live view and the benchmark need.
SIM = ("pybullet", "moderngl")
MUJOCO = ("mujoco",)
TRAIN = (*SIM, "tensorboard", "tqdm")
TRAIN_DEPTH = (*TRAIN, "transformers")
VIEW = ("aiohttp",)
BENCHMARK = (*SIM, "matplotlib", "tqdm", "jinja2")
CLUSTER = ("distributed",)
REPLAY_PAGE = ("matplotlib", "jinja2")  # rosbags only where a bag is read
RERUN = ("rerun",)
_ROS = ("rclpy", "_msgs", "_srvs", "_interfaces")  # ends of the import names


def require(extra: str, *modules: str) -> None:
    """Raise MissingExtraError, which names the extra, where one of its `modules` (import names) is not installed."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"not installed: {', '.join(missing)} (pip install 'depth_pc_ros[{extra}]')")


def require_simulator(simulator: str) -> None:
    """As `require`, of what `pybullet` or `mujoco` needs."""
    if simulator == "mujoco":
        require("mujoco", *MUJOCO)
    else:
        require("sim", *SIM)


@contextlib.contextmanager
def imports_of(extra: str):
    """Around imports: the first package that is not installed raises MissingExtraError, which names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        require(extra, str(error.name).partition(".")[0])
        raise


@contextlib.contextmanager
def one_line_where_missing(command: str):
    """Around the imports of a command: without an extra, or without ROS, it ends with one line and exit code 1."""
    try:
        yield
    except MissingExtraError as error:
        raise SystemExit(f"{command}: {error}") from None
    except ModuleNotFoundError as error:
        name = str(error.name).partition(".")[0]
        if not name.endswith(_ROS):
            raise
        hint = "source a ROS 2 installation, or scripts/env.sh after scripts/setup.sh"
        raise SystemExit(f"{command}: not installed: {name} ({hint})") from None
