"""A real JupyterLab: a dot of a frontier is clicked, and `w.plan` has changed."""

import importlib.util
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import psutil
import pytest
from playwright.sync_api import Browser

from tests.e2e.conftest import PATIENCE, VIEWPORT, free_port

ROOT = Path(__file__).resolve().parents[2]
TELL = "print('plan:', None if w.plan is None else sorted(w.plan.w_bits.items()))"

# What the status bar says of a kernel that has started: before, it says "No Kernel | Initializing".
_AT_REST = re.compile(r"^Python.* \| Idle$")

# Where the middle dot of the frontier is.
_DOT = """() => {
  const chart = document.querySelector('.js-plotly-plot');
  const {xaxis, yaxis} = chart._fullLayout, box = chart.getBoundingClientRect();
  const dots = chart._fullData.find(each => each.meta === 'frontier');
  const i = Math.floor(dots.x.length / 2);
  return {x: box.left + xaxis._offset + xaxis.d2p(dots.x[i]), y: box.top + yaxis._offset + yaxis.d2p(dots.y[i])};
}"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """The address of the tour's first cells in a JupyterLab of its own, which is ended with its kernel."""
    if importlib.util.find_spec("jupyterlab") is None or importlib.util.find_spec("anywidget") is None:
        pytest.skip("JupyterLab is not installed (make lab installs it)")
    tour = nbformat.read(ROOT / "notebooks" / "00-a-tour.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    code = [cell for cell in tour.cells if cell.cell_type == "code"]
    end = next(place for place, cell in enumerate(code) if "widgets.Frontier(" in cell.source)
    tour.cells = [*code[: end + 1], *(nbformat.v4.new_code_cell(TELL) for _ in range(2))]  # type: ignore[no-untyped-call]
    nbformat.write(tour, tmp_path / "tour.ipynb")  # type: ignore[no-untyped-call]
    port = free_port()
    own = {
        name: str(tmp_path / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")
    }
    home = str(tmp_path / "home")
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    options = {
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.allow_root": True,
        "ServerApp.root_dir": tmp_path,
        "IdentityProvider.token": "",
        "LabApp.news_url": "",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", *(f"--{k}={v}" for k, v in options.items())],
        env=os.environ | own | {"EXPLORER_HOME": home, "EXPLORER_SHIPPED": "yes", "PYTHONPATH": paths},
        stdout=(tmp_path / "lab.log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}/lab/tree/tour.ipynb?reset"
    finally:
        kernels = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()
        for left in psutil.wait_procs(kernels, 5)[1]:
            left.kill()


def test_a_dot_of_a_frontier_is_clicked_and_its_plan_is_the_widgets(lab: str, browser: Browser) -> None:
    """The way from a click to a Python value is JupyterLab's, ipywidgets' and Plotly's; here it is tried whole."""
    context = browser.new_context(viewport=VIEWPORT)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    outside: list[str] = []
    page.on("request", lambda asked: outside.append(asked.url) if _leaves(asked.url) else None)
    page.goto(lab)
    page.locator(".jp-CodeCell").nth(2).wait_for()
    page.get_by_text(_AT_REST).wait_for()  # a cell that is run without a kernel is forgotten
    page.locator(".jp-Notebook .cm-content").first.click()
    for _ in range(3):
        page.keyboard.press("Shift+Enter")
    shown = page.locator(".js-plotly-plot .main-svg, [data-mime-type='application/vnd.jupyter.stderr']")
    shown.first.wait_for(state="attached")
    assert page.locator(".js-plotly-plot").count(), page.locator(".jp-OutputArea").all_inner_texts()
    said = page.locator(".jp-OutputArea-output").filter(has_text="plan:")
    said.first.wait_for()
    assert said.first.inner_text().strip() == "plan: None"
    page.locator(".js-plotly-plot").scroll_into_view_if_needed()
    dot = page.evaluate(_DOT)
    page.mouse.move(dot["x"], dot["y"])
    page.wait_for_function("() => document.querySelector('.js-plotly-plot')._hoverdata?.length")
    page.mouse.click(dot["x"], dot["y"])
    page.locator(".js-plotly-plot .gtitle").filter(has_text="bytes").wait_for()
    page.locator(".jp-CodeCell").nth(3).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    said.nth(1).wait_for()
    assert "conv1" in said.nth(1).inner_text()
    assert not outside
    context.close()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2):
            return
        time.sleep(0.2)
    pytest.fail("JupyterLab did not start")


def _leaves(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1"
