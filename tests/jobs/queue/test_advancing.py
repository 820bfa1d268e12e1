"""The queue moves whoever looks, gives no place away twice, and one run's trouble is not another's."""

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from explorer.errors import RunError
from explorer.jobs import advance, execute, request, resume, stop
from explorer.jobs.launching.launcher import Launcher
from explorer.runs import Run, RunSpec, Store, Worker
from explorer.runs.queue import Place
from explorer.runs.workers import this_process
from tests.jobs.holding import Hold

Specs = Callable[..., RunSpec]
Wait = Callable[..., None]


class Recorded(Launcher):
    """Says that it started workers here, which do nothing and live as long as the test."""

    def __init__(self) -> None:
        self.submitted: list[str] = []
        self.refusing: set[str] = set()

    def submit(self, run_id: str, *, environment: Mapping[str, str], log: Path) -> Worker:
        if run_id in self.refusing:
            raise RunError(f"A worker for run {run_id} cannot be started; see {log}.")
        self.submitted.append(run_id)
        return this_process(detached=True)

    def stop(self, worker: Worker) -> None:
        raise AssertionError("nobody is stopped here")

    def alive(self, worker: Worker) -> bool | None:
        return True


@pytest.fixture
def launcher() -> Recorded:
    return Recorded()


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    return lambda workers: monkeypatch.setenv("EXPLORER_WORKERS", str(workers))


def test_those_for_whom_there_is_no_room_wait_in_order_and_say_so(
    store: Store, spec: Specs, launcher: Recorded, limited: Callable[[int], None]
) -> None:
    limited(2)
    asked = [request(store, spec(seed=seed), launcher=launcher) for seed in range(5)]
    assert launcher.submitted == [run.id for run in asked[:2]]
    assert {store.get(run.id).status for run in asked} == {"queued"}
    assert [store.get(run.id).message for run in asked] == [
        *("starting", "starting"),
        *("waiting: next", "waiting: 1 run before it", "waiting: 2 runs before it"),
    ]
    store.claim(asked[0].id).finish({})
    advance(store, launcher=launcher)
    assert launcher.submitted == [run.id for run in asked[:3]]
    assert store.get(asked[4].id).message == "waiting: 1 run before it"


def test_urgency_and_fairness_are_those_of_the_rows(
    store: Store, spec: Specs, launcher: Recorded, limited: Callable[[int], None]
) -> None:
    """The order itself is tested by hand; here, that what is asked reaches it."""
    limited(1)
    first = request(store, spec(seed=0), owner="ann", launcher=launcher)
    lease = store.claim(first.id)
    ann = [request(store, spec(seed=seed), owner="ann", launcher=launcher) for seed in (1, 2)]
    bob = request(store, spec(seed=3), owner="bob", launcher=launcher)
    urgent = request(store, spec(seed=4), owner="ann", priority=1, launcher=launcher)
    lease.finish({})
    for _ in range(4):
        advance(store, launcher=launcher)
        store.claim(launcher.submitted[-1]).finish({})
    assert launcher.submitted == [each.id for each in (first, urgent, bob, *ann)]


def test_two_processes_cannot_both_fill_the_last_place(
    store: Store, spec: Specs, launcher: Recorded, limited: Callable[[int], None]
) -> None:
    limited(3)
    for seed in range(12):
        store.submit(spec(seed=seed))
    others = [Store.open() for _ in range(4)]
    threads = [
        threading.Thread(target=advance, args=(each,), kwargs={"launcher": launcher}) for each in others
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in others:
        each.close()
    assert len(launcher.submitted) == len(set(launcher.submitted)) == 3


def test_a_worker_that_cannot_be_started_fails_its_run_and_nobody_else(
    store: Store, spec: Specs, launcher: Recorded, limited: Callable[[int], None]
) -> None:
    limited(1)
    launcher.refusing = {spec(seed=0).run_id}
    broken = request(store, spec(seed=0), launcher=launcher)
    assert broken.status == "failed"
    assert broken.error == f"A worker for run {broken.id} cannot be started; see {store.log_path(broken.id)}."
    good = request(store, spec(seed=1), launcher=launcher)
    assert launcher.submitted == [good.id]
    launcher.refusing.clear()
    assert resume(store, broken.id, launcher=launcher).message == "waiting: next", "it queues like any other"


def test_who_dies_between_reserving_and_launching_leaves_a_run_that_waits(
    store: Store, spec: Specs, launcher: Recorded, limited: Callable[[int], None]
) -> None:
    limited(1)
    run = store.submit(spec())
    code = (
        "import os, sys; from explorer.runs import Store; from explorer.runs.workers import this_process; "
        "Store.open().queue.reserve(lambda line: line.waiting[0], this_process()); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert store.get(run.id).status == "queued"
    advance(store, launcher=launcher)
    assert launcher.submitted == [run.id]


def test_a_kind_of_another_version_is_left_to_its_workers(
    store: Store, spec: Specs, launcher: Recorded, limited: Callable[[int], None]
) -> None:
    limited(1)
    later = store.submit(spec(kind="later"))
    run = request(store, spec(), launcher=launcher)
    assert launcher.submitted == [run.id]
    assert store.get(later.id).status == "queued"


@pytest.mark.parametrize("column", ["created", "priority", "expires"])
def test_a_damaged_row_does_not_stop_the_queue(
    store: Store, spec: Specs, launcher: Recorded, limited: Callable[[int], None], column: str
) -> None:
    limited(1)
    damaged = store.submit(spec(seed=0))
    with store._database.writing() as connection:
        connection.exec_driver_sql(
            f"UPDATE runs SET pid = 1, birth = 'then', host = 'x', {column} = 'x' WHERE id = ?", (damaged.id,)
        )
    run = request(store, spec(seed=1), launcher=launcher)
    assert launcher.submitted == [run.id]


def test_what_waits_is_cancelled_all_at_once_and_nothing_else(
    store: Store, spec: Specs, launcher: Recorded, limited: Callable[[int], None]
) -> None:
    limited(2)
    runs = [request(store, spec(seed=seed), launcher=launcher) for seed in range(6)]
    store.queue.drop([run.id for run in runs if run is not runs[5]])
    told = [store.get(run.id) for run in runs]
    assert [run.status for run in told] == [*["queued"] * 2, *["cancelled"] * 3, "queued"]
    assert {run.message for run in told[2:5]} == {""}


def test_a_cancelled_run_that_waited_does_not_say_that_it_waits(
    store: Store, spec: Specs, launcher: Recorded, limited: Callable[[int], None]
) -> None:
    limited(1)
    request(store, spec(seed=0), launcher=launcher)
    run = request(store, spec(seed=1), launcher=launcher)
    gone = stop(store, run.id, launcher=launcher)
    assert (gone.status, gone.message) == ("cancelled", "")


def test_each_worker_starts_the_next_before_it_leaves(
    store: Store, spec: Specs, wait: Wait, hold: Hold, limited: Callable[[int], None]
) -> None:
    """Real workers, one place: nobody looks until all are done, and never are two at work."""
    limited(1)
    hold.before(0)
    runs = [request(store, spec(seed=seed, hold=str(hold.path), steps=1)) for seed in range(3)]
    assert [store.get(run.id).message for run in runs[1:]] == ["waiting: next", "waiting: 1 run before it"]
    hold.release()
    wait(lambda: not any(store.get(run.id).live for run in runs))
    told = [store.get(run.id) for run in runs]
    assert [run.status for run in told] == ["done"] * 3
    for before, after in pairwise(told):
        assert before.finished is not None
        assert after.started is not None
        assert before.finished <= after.started


def test_a_run_in_this_process_takes_a_place_and_waits_for_none(
    store: Store, spec: Specs, launcher: Recorded, limited: Callable[[int], None]
) -> None:
    limited(1)
    other = store.claim(store.submit(spec(seed=2)).id)
    seen: list[str] = []

    def look(now: Run) -> None:
        if not seen:
            other.finish({})
            seen.append(request(store, spec(seed=1), launcher=launcher).message)

    assert execute(store, spec(seed=0), look).status == "done", "there was no place, and it took none away"
    assert (seen, launcher.submitted) == (["waiting: next"], [])
    assert execute(store, spec(seed=1)).status == "done", (
        "its end made room for a worker, which is waited for"
    )


def test_two_hundred_asked_at_once_stay_quick_and_within_the_limit(
    store: Store,
    spec: Specs,
    launcher: Recorded,
    limited: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By what is done, not by the clock: one look a request, and one message written for the one that came."""
    limited(3)
    written: list[int] = []
    say = store.queue.say

    def counted(messages: Mapping[Place, str]) -> None:
        written.append(len(messages))
        say(messages)

    monkeypatch.setattr(store.queue, "say", counted)
    for seed in range(200):
        request(store, spec(seed=seed), launcher=launcher)
    assert len(launcher.submitted) == 3
    assert written == [1] * 197
    line = store.queue.line()
    assert (len(line.waiting), len(line.at_work)) == (197, 3)
