"""The app's pages without a browser and without a worker: what would be launched is only recorded."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from explorer import studies
from explorer.jobs import execute, starting
from explorer.jobs.gauge.client import Found
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import EvaluateQuestion, FinetuneQuestion, TracesQuestion
from explorer.runs import Run, RunSpec, Store
from explorer.studies import Study
from explorer.ui.parts import run_panel
from explorer.ui.runs import again
from explorer.ui.shell import at_work, caches, frame, session
from explorer.ui.state.history import History
from explorer.ui.training import form as training_form
from explorer.ui.training import sweeping
from tests import learnable

ROOT = Path(__file__).resolve().parents[2]
PROFILE = "hawq-v3-resnet18"
PAGES = (
    "model",
    "sensitivity",
    "landscape",
    "frontier",
    "step_sizes",
    "fine_tune",
    "results",
    "export",
    "runs",
)

Opens = Callable[..., AppTest]


class StillGauge:
    """A measuring process that says of every plan what it is told to say."""

    def __init__(self, known: Found | None = None) -> None:
        self.known = known
        self.wished: list[Plan] = []

    def wish(self, who: str, plan: Plan) -> None:
        self.wished.append(plan)

    def found(self, plan: Plan) -> Found | None:
        return self.known


def hold(page: AppTest, reference: str, plan: Plan) -> None:
    """Make a plan the current one of a session."""
    place = session.Place(reference, plan.weights_sha256, tuple(plan.blocks))
    page.session_state["plans"] = {place: History(plan)}


def held(page: AppTest) -> History:
    """The plans of a session that had those of one study and partition only."""
    [found] = page.session_state["plans"].values()
    assert isinstance(found, History)
    return found


@pytest.fixture(scope="session")
def toml(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the study of one's own is."""
    return str(learnable.write(tmp_path_factory.mktemp("ui") / "learnable").resolve())


@pytest.fixture(scope="session")
def study(toml: str) -> Study:
    return studies.load_network(toml)


@pytest.fixture(autouse=True)
def app(toml: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The app as an operator starts it with a study of their own; the kinds, or ids, it had a worker for."""
    started: list[str] = []

    def request(
        store: Store,
        spec: RunSpec,
        title: str = "",
        parts: Mapping[str, str] | None = None,
        owner: str | None = None,
    ) -> Run:
        started.append(spec.kind)
        return store.submit(spec, title, parts=parts, owner=owner)

    monkeypatch.setattr(caches, "gauge", lambda reference: StillGauge())
    for module in (frame, run_panel, training_form, sweeping, again):
        monkeypatch.setattr(module, "request", request)
    monkeypatch.setattr(starting, "launch", lambda store, run_id, **_: started.append(run_id))
    monkeypatch.setattr(at_work, "advance", lambda store: None)
    monkeypatch.setenv("EXPLORER_STUDIES", toml)
    caches.store.clear()
    yield started
    caches.store.clear()


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server on which ``st.navigation`` was called before, as on a real one after its first page.

    AppTest forgets that before every run; a page then begins by asking to be run again (see
    ``explorer.ui.shell.navigation``), which swallows a click.
    """
    made = PagesManager.__init__

    def init(self: PagesManager, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", init)


@pytest.fixture
def opens() -> Opens:
    """Open a page with an address: ``opens("frontier", study=..., plan=...)``."""

    def at(page: str, **address: str) -> AppTest:
        test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600)
        for name, value in address.items():
            test.query_params[name] = value
        if page != "start":
            test.switch_page(f"pages/{page}.py")
        return test.run()

    return at


@pytest.fixture(scope="session")
def lived_in(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which everything was computed once: FP32 accuracy, traces of both partitions, one training."""
    home = tmp_path_factory.mktemp("lived in")
    store = Store.open(home=home)
    execute(store, spec_of(study, EvaluateQuestion()))
    for granularity in ("layer", "module"):
        execute(store, spec_of(study, TracesQuestion(granularity=granularity, rel_se=0.2)))
    plan = Plan.uniform(study, study.blocks(), 2, 8)
    execute(
        store,
        spec_of(study, FinetuneQuestion(plan=plan.to_json(), batch_size=16, epochs=1)),
        title="Fine-tuning tiny",
    )
    store.close()
    return home


@pytest.fixture
def lived_in_home(lived_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that home: what a test asks for there is no other test's."""
    home = tmp_path / "lived in"
    shutil.copytree(lived_in, home)
    monkeypatch.setenv("EXPLORER_HOME", str(home))
    return home
