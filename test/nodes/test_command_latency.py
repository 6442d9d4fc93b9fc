"""What `scripts/command_latency.py` makes of what it heard."""

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.ros

SCRIPT = Path(__file__).parents[2] / "scripts" / "command_latency.py"


def test_the_columns_of_its_table():
    heard = runpy.run_path(str(SCRIPT))["Heard"](
        images=[(1.0, 1.1), (1.2, 1.3)],  # the second one's command has not come
        commands=[(1.05, 1.06), (1.11, 1.12), (1.13, 1.14)],
        first_ms=[50.0, 60.0, 90.0],
    )
    assert heard.row() == pytest.approx([100, 100, 120, 120, 25.0, 39.6, 60, 90])
