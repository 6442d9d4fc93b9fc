"""Runs fuzz targets for some minutes, and keeps what breaks them in out/fuzz. `scripts/fuzz.sh` calls it.

With atheris (pip install 'depth_pc_ros[fuzz]') inputs are led by the code that they reach; without, they are plain
mutations of the corpus.
"""

import argparse
import random
import subprocess
import sys
import time
import traceback
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path("out", "fuzz")
NAMES = (
    "yaml", "camera_info", "json", "scene", "obj", "stl", "urdf", "image", "video", "npy", "npz", "route", "results",
    "recording", "bag", "messages",
)  # fmt: skip
sys.path.append(
    str(Path(__file__).resolve().parents[1] / "support")
)  # as pytest does; the corpus takes bags from there
SLOWEST_S = 30  # an input that takes longer is a finding


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/fuzz.sh", description="Feed the readers damaged files.")
    parser.add_argument("--minutes", type=float, default=1.0, metavar="N", help="For each target. Default: 1.")
    parser.add_argument("--target", choices=NAMES, help="Only this one. Default: all, one after another.")
    return parser


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    names = [arguments.target] if arguments.target else NAMES
    broken = []
    for name in names:  # each in a process of its own: a fuzzer ends its process, and so may a finding
        command = [sys.executable, __file__, "--run", name, str(60 * arguments.minutes)]
        print(f"fuzz: {name}, {'atheris' if find_spec('atheris') else 'plain mutations'}", flush=True)
        if subprocess.run(command, check=False).returncode != 0:
            broken.append(name)
    print(f"fuzz: {', '.join(broken) or 'nothing'} broke; inputs that did are in {FOLDER}")
    return 1 if broken else 0


def run_atheris(name: str, seconds: float) -> None:
    import atheris

    with atheris.instrument_imports(include=["depth_pc_ros", "yaml", "json", "xml", "zipfile", "PIL", "numpy.lib"]):
        from fuzz_targets import TARGETS, only_typed_errors
    target = TARGETS[name]
    folder = FOLDER / name
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    for k, seed in enumerate(target.seeds()):
        (folder / "corpus" / f"seed{k}").write_bytes(seed)
    options = [
        f"-max_total_time={int(seconds)}", f"-timeout={SLOWEST_S}", "-rss_limit_mb=4096", "-max_len=20000",
        f"-artifact_prefix={folder}/", "-print_final_stats=1", "-verbosity=1",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(folder / "corpus")], only_typed_errors(target.run))
    atheris.Fuzz()


def run_plain(name: str, seconds: float) -> int:
    from fuzz_mutation import mutated
    from fuzz_targets import TARGETS, only_typed_errors

    target, seeds = only_typed_errors(TARGETS[name].run), TARGETS[name].seeds()
    seed = time.time_ns()
    rng, end, count = random.Random(seed), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data, begin = mutated(rng, seeds), time.monotonic()
        try:
            target(data)
            if time.monotonic() - begin > SLOWEST_S:
                raise TimeoutError(f"took {time.monotonic() - begin:.0f} s")
        except Exception:
            traceback.print_exc()
            path = FOLDER / name / f"crash-{seed}-{count}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            print(f"fuzz: {name}: {path}")
            return 1
        count += 1
    print(f"fuzz: {name}: {count} inputs")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run = run_atheris if find_spec("atheris") else run_plain
        raise SystemExit(run(sys.argv[2], float(sys.argv[3])))
    raise SystemExit(main())
