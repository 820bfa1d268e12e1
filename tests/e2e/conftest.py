"""The browser harness: the app in a process of its own, and a page of a real Chromium that looks at it.

A test asks for ``page`` (already at the app's first page) and, where it needs the server, ``app``. It fails
on any uncaught error of the page and on any request that leaves this machine. When it fails, a screenshot
goes to ``screenshots/failures`` and the end of the server's log into the report.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from explorer import studies
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.questions import EvaluateQuestion, TracesQuestion
from explorer.runs import Store
from tests import learnable

ROOT = Path(__file__).resolve().parents[2]
FAILURES = ROOT / "screenshots" / "failures"

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, because CI is often root in a container; the rest keeps Chromium from calling its maker.
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ANSWERS = 5.0  # seconds after which something is done again, where that does no harm
PATIENCE = (
    300.0  # seconds that anything is waited for: it ends what never comes, and no test fails for being slow
)
VIEWPORT = {"width": 1440, "height": 900}


@dataclass(frozen=True)
class App:
    """A running app: where it listens, the home it writes to, its process and its log."""

    url: str
    home: Path
    pid: int
    log: Path


@dataclass
class Complaints:
    """What a page did that no page should do, collected while a test runs."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


# Resolves once an element has been where it is for ten frames of the browser.
_STILL = """element => new Promise(done => {
  let last = '', same = 0;
  const look = () => {
    const {x, y, width, height} = element.getBoundingClientRect(), now = [x, y, width, height].join();
    same = now === last ? same + 1 : 0;
    last = now;
    if (same >= 10) done(); else requestAnimationFrame(look);
  };
  look();
})"""

expect.set_options(timeout=PATIENCE * 1000)

COMPLAINTS = pytest.StashKey[Complaints]()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app on a free loopback port, with an empty home; ended with every worker it left behind."""
    with serve(tmp_path_factory.mktemp("app")) as running:
        yield running


@pytest.fixture(scope="session")
def learnable_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app with a small study of one's own, whose accuracy and traces are there already; one for all files."""
    folder = tmp_path_factory.mktemp("learnable-app")
    toml = str(learnable.write(folder / "learnable").resolve())
    study = studies.load_network(toml)
    store = Store.open(home=folder / "home")
    execute(store, spec_of(study, EvaluateQuestion()))
    for of in ("weights", "activations"):
        execute(store, spec_of(study, TracesQuestion(of=of)), title=f"{of} of learnable")
    store.close()
    with serve(folder, EXPLORER_STUDIES=toml) as running:
        yield replace(running, url=f"{running.url}/?study={quote(toml)}")


@contextmanager
def serve(folder: Path, script: str = "app.py", **variables: str) -> Iterator[App]:
    """The app, or another script, with ``folder / "home"`` as its home and these environment variables."""
    home, log = folder / "home", folder / "server.log"
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", script]
    options = {
        "server.address": "127.0.0.1",
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    for name, value in options.items():
        command += [f"--{name}", value]
    environment = {name: value for name, value in os.environ.items() if name != "EXPLORER_DATABASE"}
    environment |= {"EXPLORER_HOME": str(home), "EXPLORER_SHIPPED": "no", "PYTHONUNBUFFERED": "1"} | variables
    with log.open("wb") as stream:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stream, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for_health(url, server, log)
        yield App(url=url, home=home, pid=server.pid, log=log)
    finally:
        server.terminate()
        try:
            server.wait(timeout=60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        _end_workers_of(home)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, started once a file.

    Not once a session: Playwright's event loop would stay in this thread, and a later test that calls
    ``asyncio.run``, as running a notebook does, would fail.
    """
    executable = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    if executable is None:
        words = f"no Chromium found (looked for {', '.join(CHROMIUM_NAMES)}); install the package 'chromium'"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(words)
        pytest.skip(words)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(app: App, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of 1440 x 900 at the app's first page, in a browser profile of its own."""
    context = browser.new_context(viewport=VIEWPORT, accept_downloads=True)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    complaints = request.node.stash[COMPLAINTS] = Complaints()

    def note_request(asked: Request) -> None:
        parts = urlsplit(asked.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            complaints.outside.append(asked.url)

    page.on("pageerror", lambda error: complaints.errors.append(str(error)))
    page.on("request", note_request)
    page.goto(app.url)
    settle(page)
    yield page
    context.close()


def settle(page: Page) -> None:
    """Wait until Streamlit has drawn the page and runs no script."""
    drawn = '[data-testid="stApp"][data-test-script-state="notRunning"]'
    page.locator(drawn).wait_for(state="visible", timeout=PATIENCE * 1000)


def visit(page: Page, name: str) -> None:
    """Go to a page by the menu, and wait until it is drawn."""
    page.get_by_test_id("stSidebarNavLink").filter(has_text=re.compile(f"{name}$")).click()
    page.get_by_role("heading", name=name, exact=True).wait_for()
    settle(page)


def still(place: Locator) -> None:
    """Wait until an element has come to rest: a page scrolls, and grows above it, for a while."""
    place.evaluate(_STILL)


def retried(page: Page, act: Callable[[], object], came: Callable[[], object]) -> None:
    """Do something until what it brings is there.

    When a run ends, the page is drawn once more, and what a person does just then is lost, or what they reach for is
    gone; they do it again.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            act()
        except PlaywrightError as error:
            if "not attached to the DOM" not in str(error):
                raise
        again = time.monotonic() + ANSWERS
        while time.monotonic() < again:
            if came():
                return
            page.wait_for_timeout(100)
        assert time.monotonic() < until, "it was done again and again, and nothing came of it"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose page complained, even if everything the test looked at was right."""
    result = yield
    complaints = item.stash.get(COMPLAINTS, Complaints())
    if complaints.errors:
        pytest.fail("uncaught errors of the page:\n" + "\n".join(complaints.errors), pytrace=False)
    if complaints.outside:
        pytest.fail("the page asked other machines for:\n" + "\n".join(complaints.outside), pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what a person needs to see why a browser test failed."""
    report = yield
    fixtures = getattr(item, "funcargs", {})
    if report.when == "call" and report.failed:
        if isinstance(page := fixtures.get("page"), Page):
            FAILURES.mkdir(parents=True, exist_ok=True)
            picture = FAILURES / (re.sub(r"[^\w.-]+", "_", item.nodeid.removeprefix("tests/e2e/")) + ".png")
            with suppress(Exception):  # a crashed page has no picture, and must not hide the failure itself
                page.screenshot(path=picture, full_page=True)
                report.sections.append(("screenshot", str(picture.relative_to(ROOT))))
        if isinstance(app := fixtures.get("app"), App):
            report.sections.append(("end of the server's log", _tail(app.log)))
    return report


def press(page: Page, x: float, y: float) -> None:
    """Click a dot of a Plotly chart as a person does: not before the chart has seen the pointer there."""
    aim(page, x, y)
    page.mouse.click(x, y)


def aim(page: Page, x: float, y: float) -> None:
    """Move the pointer to a dot of a Plotly chart, which takes note of it.

    Plotly takes two clicks within 0.3 s for a double one, wherever they are, and shows the whole picture again.
    """
    page.mouse.move(x, y)
    page.wait_for_timeout(350)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.js-plotly-plot')].some(chart => chart._hoverdata?.length)"
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_health(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.fail(f"the app ended with status {server.returncode} instead of starting:\n{_tail(log)}")
        if _is_healthy(url):
            return
        time.sleep(0.1)
    pytest.fail(f"the app did not answer within {PATIENCE:.0f} s:\n{_tail(log)}")


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _end_workers_of(home: Path) -> None:
    """End what the app launched: workers outlive the server on purpose, and only theirs is this home."""
    workers = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("EXPLORER_HOME") == str(home):
                process.kill()  # at once: nobody will ask for what they compute
                workers.append(process)
    psutil.wait_procs(workers, timeout=5)


def _tail(log: Path, lines: int = 60) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
