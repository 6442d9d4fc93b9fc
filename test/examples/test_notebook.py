"""The notebook is stored without outputs, and runs from its first cell to its last."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs nbclient and ipykernel, see scripts/requirements.txt")
nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel, see scripts/requirements.txt")
pytest.importorskip("ipykernel", reason="needs nbclient and ipykernel, see scripts/requirements.txt")

NOTEBOOK = Path(__file__).parents[2] / "examples" / "servo_walkthrough.ipynb"


def test_it_is_stored_clean():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert NOTEBOOK.stat().st_size < 20_000
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


@pytest.mark.slow
@pytest.mark.timeout(300)  # of which it needs a tenth on an idle machine
def test_it_runs_and_its_servo_converges(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # two threads that wait for each other on busy cores are slower
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    nbclient.NotebookClient(notebook, timeout=250, kernel_name="python3", resources=resources).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)  # the last one asserts how near the servo came
    outputs = [output for cell in cells for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 6
    text = "".join(output.text for output in outputs if output.get("name") == "stdout")
    assert "CONVERGED after" in text
