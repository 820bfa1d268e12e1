"""Every notebook runs from top to bottom, as it is shipped; tests/widgets runs the tour, and clicks on it."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TOUR = "00-a-tour"
NOTEBOOKS = sorted(
    path for path in (Path(__file__).parents[2] / "notebooks").glob("*.ipynb") if path.stem != TOUR
)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are not shipped: clear them"
    folder = path.parents[1]
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(folder)}}).execute()
