"""The example notebook runs in a kernel, and every result in it shows itself as HTML or as a picture."""

from pathlib import Path

import pytest

import zoo

NOTEBOOK = Path(zoo.__file__).parent.parent / "examples" / "own_model.ipynb"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the kernel's packages
def test_the_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a cell that raises, a result that a notebook shows as plain text, and outputs kept in the file."""
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parent.parent))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs for cell in cells)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [cell.outputs[-1].data for cell in cells[1:]]
    assert all("text/html" in data or "image/svg+xml" in data for data in shown)
    assert "13,107,200" in shown[0]["text/html"]
    assert shown[-1]["text/html"].startswith("<iframe srcdoc=")
