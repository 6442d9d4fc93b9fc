import pytest
import torch

from depth_pc_ros.errors import CheckpointError, ConfigError
from depth_pc_ros.files.weights_file import read_torch
from depth_pc_ros.training.state import VERSION, read_state, restoring, write_state


class Runs:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_code_in_weights_is_refused_and_not_run(tmp_path):
    torch.save({"version": VERSION, "made_with": {}, "x": Runs(tmp_path / "ran")}, tmp_path / "last.pt")
    with pytest.raises(ConfigError, match=r"^weights: ") as error:
        read_torch(tmp_path / "last.pt", "weights", ConfigError)
    assert "\n" not in str(error.value)
    with pytest.raises(CheckpointError, match=r"^checkpoint: cannot read .*last\.pt"):
        read_state(tmp_path / "last.pt", {}, "cpu")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "state",
    [
        None,
        [],
        {"version": 9},
        {"version": VERSION},
        {"version": VERSION, "made_with": 3},
        {"version": VERSION, "made_with": {}},
    ],
)
def test_a_state_that_lacks_something_is_a_typed_error(tmp_path, state):
    torch.save(state, tmp_path / "last.pt")
    with pytest.raises(CheckpointError, match=r"last\.pt"):
        read_state(tmp_path / "last.pt", {"seed": 0}, "cpu")


def test_a_state_of_another_network_is_a_typed_error(tmp_path):
    write_state(tmp_path / "last.pt", {}, {"net": {"x": torch.ones(2)}})
    state = read_state(tmp_path / "last.pt", {}, "cpu")
    for use in (lambda: state["update"], lambda: torch.nn.Linear(2, 2).load_state_dict(state["net"])):
        with pytest.raises(CheckpointError, match=r"checkpoint: last\.pt does not fit") as error, restoring("last.pt"):
            use()
        assert "\n" not in str(error.value)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"^weights: no such file"):
        read_torch(tmp_path / "none", "weights", ConfigError)
    with pytest.raises(ConfigError, match=r"^weights: expected a file"):
        read_torch(tmp_path, "weights", ConfigError)
