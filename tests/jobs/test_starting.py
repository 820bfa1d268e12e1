"""One way to begin a run, whoever launches its worker: the kind is checked, and one worker is started."""

import ast
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import explorer
from explorer.errors import RunError
from explorer.jobs import execute, launch, registry, request, resume, stop
from explorer.jobs.launching.launcher import Launcher
from explorer.jobs.launching.local import LocalLauncher
from explorer.runs import RunSpec, Store, Worker
from tests.runs.postgresql import BOTH

pytestmark = BOTH

Specs = Callable[..., RunSpec]
CODE = Path(explorer.__file__).parent


class Recorded(Launcher):
    """A launcher of a cluster that never begins."""

    def __init__(self) -> None:
        self.submitted: list[str] = []
        self.stopped: list[Worker] = []

    def submit(self, run_id: str, *, environment: Mapping[str, str], log: Path) -> Worker:
        assert environment["EXPLORER_HOME"]
        self.submitted.append(run_id)
        return Worker("cluster", len(self.submitted), "then", detached=True)

    def stop(self, worker: Worker) -> None:
        self.stopped.append(worker)

    def alive(self, worker: Worker) -> bool | None:
        return True


@pytest.fixture
def cluster() -> Recorded:
    return Recorded()


@pytest.fixture
def store(home: Path, cluster: Recorded) -> Store:
    """A store that asks the cluster about workers."""
    return Store.open(alive=cluster.alive)


def test_any_launcher_will_do(store: Store, spec: Specs, cluster: Recorded) -> None:
    """Begun, asked for again, stopped and resumed through the three operations of the protocol."""
    run = request(store, spec(), launcher=cluster)
    assert (run.status, cluster.submitted) == ("queued", [run.id])
    worker = store.worker(run.id)
    assert worker == Worker("cluster", 1, "then", detached=True)
    request(store, spec(), launcher=cluster)
    launch(store, run.id, launcher=cluster)
    assert cluster.submitted == [run.id], "it has a worker already"
    lease = store.claim(run.id, worker)
    assert stop(store, run.id, launcher=cluster).status == "cancelling"
    assert cluster.stopped == [worker]
    lease.stopped()
    assert resume(store, run.id, study="elsewhere", launcher=cluster).status == "queued"
    assert cluster.submitted == [run.id, run.id]
    assert store.get(run.id).spec.study == "elsewhere"


@pytest.mark.parametrize("kind", ["nonsense", "os:system", "explorer.jobs.kinds.selftest:run"])
def test_a_kind_that_is_not_there_is_refused_by_every_way_in(
    store: Store, spec: Specs, cluster: Recorded, kind: str
) -> None:
    """Before anything is recorded where it is asked for; before a worker is started where it was recorded."""
    for ask in (request, execute):
        with pytest.raises(RunError, match="There is no kind of run"):
            ask(store, spec(kind=kind))
    assert store.list() == ()
    run = store.submit(spec(kind=kind))  # by a later version, say
    with pytest.raises(RunError, match="There is no kind of run"):
        launch(store, run.id, launcher=cluster)
    store.claim(run.id).fail("It broke.")
    with pytest.raises(RunError, match="There is no kind of run"):
        resume(store, run.id, launcher=cluster)
    assert store.get(run.id).status == "failed", "it is left as it was"
    assert cluster.submitted == []


def test_every_kind_a_person_can_ask_for_has_a_function() -> None:
    """The table names functions without importing them."""
    for kind in registry.names():
        assert callable(registry.function(kind))


def test_runs_are_recorded_and_workers_started_in_one_place_each() -> None:
    """Who calls `Store.submit` elsewhere forgets the kind's check; who starts a worker elsewhere is not told apart."""
    submits, starts = set(), set()
    for path in CODE.rglob("*.py"):
        name = path.relative_to(CODE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called.endswith("store.submit") or called.endswith("store().submit"):
                submits.add(name)
            if isinstance(node, ast.Constant) and node.value == "explorer.jobs.worker":
                starts.add(name)
    assert submits == {"jobs/starting.py"}
    assert starts == {"jobs/launching/local.py"}


def test_a_worker_that_cannot_be_started_is_a_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No log can be written where a file is in the folder's place."""
    home.mkdir()
    (home / "logs").write_text("in the way")
    with pytest.raises(RunError, match=r"A worker for run x cannot be started \(.*\); see .*x\.log"):
        LocalLauncher().submit("x", environment={}, log=home / "logs" / "x.log")
