"""The workers of a Dask cluster: machines that do the tasks of a run.

Each thread of a Dask worker stands for one process of that machine, as in a local run. So trials are the same, to the
digit, on machines of one kind. Where a worker dies, the scheduler hands its tasks to others. All machines need the same
code, the same versions, and the same files under the same paths.
Source: M. Rocklin, "Dask: parallel computation with blocked algorithms and task scheduling", SciPy 2015.
"""

import asyncio
import contextlib
import functools
import importlib.metadata
import multiprocessing
import platform
import uuid
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path

import cv2
from distributed import Client, Worker, WorkerPlugin, get_worker, rpc
from distributed.scheduler import KilledWorker

from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.schema import ResultsError
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.benchmark.worker import worker_pool
from depth_pc_ros.errors import ConfigError, shown
from depth_pc_ros.provenance import git_commit

_ANSWER_S = 10.0  # for a scheduler to answer
_PACKAGES = ("numpy", "scipy", "torch", "pybullet", "moderngl")  # what numbers depend on, besides OpenCV


class DaskExecutor:
    """The workers of a cluster. address: of its scheduler, such as tcp://HOST:8786.

    Raises ConfigError: no scheduler answers there, or it has no workers.
    """

    def __init__(self, address: str):
        self._address = address
        self._client: Client | None = None
        try:
            found = asyncio.run(asyncio.wait_for(_identity(address), _ANSWER_S))
        except Exception as error:  # what answers there may be anything
            reason = shown(error, 200) if str(error) else f"no answer within {_ANSWER_S:g} s"
            raise ConfigError(f"address: expected a Dask scheduler at {address!r}, found none: {reason}") from None
        if found.get("type") != "Scheduler":
            raise ConfigError(f"address: expected a Dask scheduler at {address!r}, got a {shown(found.get('type'))}")
        if not found.get("workers"):
            raise ConfigError(f"address: the scheduler at {address} has no workers (dask worker {address} --no-nanny)")
        self._threads = sum(worker["nthreads"] for worker in found["workers"].values())

    def width(self) -> int:
        return max(1, sum(self._client.nthreads().values())) if self._client else self._threads

    @contextlib.contextmanager
    def opened(self, settings: Settings, places: Places) -> Iterator[Executor]:
        name = f"depth_pc_ros-{uuid.uuid4()}"
        with Client(self._address, timeout=_ANSWER_S, set_as_default=False) as self._client:
            plugin = _Processes(name, settings, places, Path.cwd(), versions())
            try:
                self._client.register_plugin(plugin)
                yield _Tasks(self._client, name)
            except KilledWorker:
                raise ResultsError(
                    "workers: a task ended several workers (out of memory?); the same command resumes the run"
                ) from None
            finally:
                with contextlib.suppress(OSError):  # the scheduler has ended
                    self._client.unregister_worker_plugin(name)
        self._client = None


async def _identity(address: str) -> dict:
    """What is at an address says of itself."""
    async with rpc(address, timeout=_ANSWER_S) as remote:
        return await remote.identity()


class _Tasks(Executor):
    """Hands tasks to the processes that the plugin `name` holds."""

    def __init__(self, client: Client, name: str):
        self._pool, self._name = client.get_executor(pure=False), name

    def submit(self, work, *task):
        return self._pool.submit(_on_worker, self._name, work, *task)


def _on_worker(name: str, work, *task):
    return get_worker().plugins[name].pool.submit(work, *task).result()


class _Processes(WorkerPlugin):
    """Holds as many worker processes as a Dask worker has threads, for one run."""

    def __init__(self, name: str, settings: Settings, places: Places, folder: Path, expected: dict[str, str]):
        self.name, self._settings, self._places = name, settings, places
        self._folder, self._expected = folder, expected
        self.pool: ProcessPoolExecutor | None = None

    def setup(self, worker: Worker) -> None:
        if multiprocessing.current_process().daemon:
            raise ConfigError(f"address: worker {worker.address}: expected one without a nanny; give it --no-nanny")
        here = versions()
        differing = [f"{key} {here[key]} (here {value})" for key, value in self._expected.items() if here[key] != value]
        if differing:
            raise ConfigError(
                f"address: worker {worker.address}: expected the same versions, got {', '.join(differing)}"
            )
        if not self._folder.is_dir():
            raise ConfigError(f"address: worker {worker.address}: has no folder {self._folder}; paths must be the same")
        self.pool = worker_pool(worker.state.nthreads, self._settings, self._places, self._folder)

    def teardown(self, worker: Worker) -> None:
        if self.pool is not None:
            self.pool.shutdown(wait=False, cancel_futures=True)


@functools.cache  # as they were when this process began: the files may be newer
def versions() -> dict[str, str]:
    """What numbers depend on, of this machine: by name."""
    found = {"depth_pc_ros": git_commit(), "python": platform.python_version(), "opencv": cv2.__version__}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found
