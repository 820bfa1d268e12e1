"""Whether a worker lives is for others to say; the store believes them, and the lease where they cannot tell."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer.runs import RunSpec, Store, Worker
from explorer.runs.holding import watch
from explorer.runs.workers import lives_here, this_process
from tests.runs.postgresql import BOTH

pytestmark = BOTH

Specs = Callable[..., RunSpec]

ELSEWHERE = Worker(host="a node of a cluster", pid=17, birth="then", detached=True)


def test_of_a_worker_on_another_machine_the_lease_alone_decides(
    store: Store, spec: Specs, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lives_here(ELSEWHERE) is None
    run = store.submit(spec())
    lease = store.claim(run.id, ELSEWHERE)
    assert store.get(run.id).status == "running"
    assert store.worker(run.id) is None, "nothing here can say that it lives, or end it"
    assert store.cancel(run.id).status == "cancelling", "it is asked"
    monkeypatch.setattr(watch, "LEASE_SECONDS", -1.0)
    lease.report(0.5)
    assert store.get(run.id).status == "cancelled"


@pytest.mark.parametrize(("alive", "status"), [(True, "running"), (None, "running"), (False, "lost")])
def test_the_store_asks_whoever_knows_about_the_workers(
    home: Path, spec: Specs, alive: bool | None, status: str
) -> None:
    """Another kind of launcher says how its workers are; the store looks at no process itself."""
    asked: list[Worker] = []

    def told(worker: Worker) -> bool | None:
        asked.append(worker)
        return alive

    store = Store.open(alive=told)
    run = store.submit(spec())
    store.claim(run.id, ELSEWHERE)
    assert store.get(run.id).status == status
    assert (store.worker(run.id) == ELSEWHERE) is (alive is True)
    assert set(asked) == {ELSEWHERE}
    store.close()


def test_this_process_lives_and_an_earlier_one_with_its_number_does_not() -> None:
    here = this_process()
    assert here.pid == os.getpid()
    assert lives_here(here) is True
    assert lives_here(Worker(here.host, here.pid, "another moment")) is False
