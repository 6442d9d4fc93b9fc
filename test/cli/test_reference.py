"""What is made from the options: config/*.yaml and the parameter page."""

import pytest
import yaml

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.user_params import SET_AT_START_UP, read_user_params
from depth_pc_ros.cli import reference
from depth_pc_ros.nodes.node_configs import NODE_CONFIGS


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", reference.files())
def test_a_file_in_the_source_tree_is_up_to_date(name):
    text = (reference.ROOT / name).read_text(encoding="utf-8")
    assert text == reference.files()[name], f"write it with: {reference.COMMAND}"


@pytest.mark.parametrize("node", NODE_CONFIGS)
def test_a_parameter_file_holds_the_defaults_that_start_up_does_not_set(node, tmp_path):
    text = reference.parameter_file(node)
    assert max(map(len, text.splitlines())) <= 120
    values = yaml.safe_load(text)[f"/**/{node}"]["ros__parameters"]
    config = NODE_CONFIGS[node]
    assert config.from_mapping(values) == config()
    assert set(values) == set(config.__dataclass_fields__) - set(SET_AT_START_UP[node])
    (tmp_path / "own.yaml").write_text(text)
    assert read_user_params(tmp_path / "own.yaml")[node] == values


def test_the_page_has_a_row_for_every_option():
    rows = [line.split(" | ") for line in reference.page().splitlines() if line.startswith("| `")]
    names = [row[0].removeprefix("| ").strip("`") for row in rows]
    expected = [*BringupConfig.__dataclass_fields__]
    for config in NODE_CONFIGS.values():
        expected += config.__dataclass_fields__
    assert sorted(names) == sorted([*expected, *reference.RENAMED])
    assert ["| `gain`", "`2.5`", "from 0.05 to 10.0", "Gain of the velocity law `limited`, 1/s. |"] in rows


def test_check_names_what_is_out_of_date_and_writing_updates_it(root, capsys):
    assert reference.main(["--check"]) == 1
    assert not list(root.iterdir())
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
    (root / "config" / "depth.yaml").write_text("mine\n")
    capsys.readouterr()
    assert reference.main(["--check"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"reference: config/depth.yaml is out of date; write it with: {reference.COMMAND}"
    ]
    assert reference.main([]) == 0
    assert capsys.readouterr().out == "wrote config/depth.yaml\n"
