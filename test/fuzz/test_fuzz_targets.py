"""Every fuzz target takes its corpus, and some thousand seeded mutations of it, with typed errors of one line only."""

import random

import pytest
from fuzz_corpus import RECORDINGS, recordings
from fuzz_mutation import mutated
from fuzz_run import NAMES
from fuzz_targets import TARGETS, only_typed_errors, recording, recording_folder

from depth_pc_ros.benchmark.recordings.source import read_sequences

COUNTS = {"bag": 200, "image": 1500, "results": 1500, "yaml": 1500, "video": 500, "camera_info": 800}


@pytest.fixture(params=NAMES)
def name(request):
    if request.param == "messages":
        pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")
    if request.param == "bag":
        pytest.importorskip("rosbags", reason="needs rosbags: pip install 'depth_pc_ros[rosbag]'")
    return request.param


def test_the_corpus_is_valid(name):
    for seed in TARGETS[name].seeds():
        TARGETS[name].run(seed)


def test_every_recording_of_the_corpus_has_a_frame():
    for seed, (name, (format, _, _)) in zip(recordings(), RECORDINGS.items(), strict=True):
        recording(seed)
        sequences = read_sequences(recording_folder(name), format)
        assert sum(len(sequence.frames) for sequence in sequences) == 1, name
        assert not [line for sequence in sequences for line in sequence.problems]


def test_damaged_inputs_are_refused_by_typed_errors(name):
    target, seeds, rng = only_typed_errors(TARGETS[name].run), TARGETS[name].seeds(), random.Random(0)
    for _ in range(COUNTS.get(name, 3000)):
        data = mutated(rng, seeds)
        try:
            target(data)
        except Exception as error:
            raise AssertionError(f"{name}: {data[:300]!r}") from error


def test_every_target_can_be_run_by_name():
    assert set(NAMES) == set(TARGETS)
