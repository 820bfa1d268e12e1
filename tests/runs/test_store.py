"""The store: one run a spec, one worker a run, and nothing written by a worker that was given up."""

import math
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from explorer.errors import RunError
from explorer.runs import Lease, LeaseLost, RunSpec, Store
from explorer.runs.holding import watch
from explorer.runs.workers import child
from tests.runs.postgresql import BOTH
from tests.runs.test_workers import ELSEWHERE

pytestmark = BOTH

Specs = Callable[..., RunSpec]


def files(store: Store) -> set[str]:
    folder = store.home / "artifacts"
    return {path.parent.name + path.name for path in folder.rglob("*") if path.is_file()}


def test_the_same_spec_is_one_run(store: Store, spec: Specs) -> None:
    first = store.submit(spec(steps=3), "first")
    again = store.submit(spec(steps=3), "again")
    assert (again.id, again.title, again.status) == (first.id, "first", "queued")
    assert again.spec == spec(steps=3)
    assert store.submit(spec(steps=4)).id != first.id
    assert store.find(spec(steps=5)) is None


def test_runs_are_listed_by_study_as_it_is_and_kind_the_newest_first(store: Store, spec: Specs) -> None:
    ids = [store.submit(spec(seed=seed)).id for seed in range(3)]
    store.submit(RunSpec(kind="traces", study="other", fingerprint="1"))
    assert [run.id for run in store.list(fingerprint="0")] == ids[::-1]
    assert [run.spec.study for run in store.list(kind="traces")] == ["other"]
    assert len(store.list()) == 4


def test_a_worker_that_was_given_up_changes_nothing(
    store: Store, spec: Specs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.submit(spec())
    monkeypatch.setattr(watch, "LEASE_SECONDS", -1.0)
    stale = store.claim(run.id, ELSEWHERE)
    stale.append("loss", {"x": 1})
    assert store.get(run.id).status == "lost", "its lease has run out"
    store.resume(run.id)
    monkeypatch.undo()
    writes: list[Callable[[Lease], object]] = [
        Lease.heartbeat,
        lambda lease: lease.report(0.5, "stale"),
        lambda lease: lease.append("loss", {"x": 2}),
        lambda lease: lease.checkpoint(b"stale", {}),
        lambda lease: lease.keep("weights", b"stale"),
        lambda lease: lease.finish({}),
        lambda lease: lease.fail("stale"),
        Lease.stopped,
    ]
    for moment in ("resumed", "claimed by another"):
        before = store.get(run.id)
        for write in writes:
            with pytest.raises(LeaseLost):
                write(stale)
        assert store.get(run.id) == before, moment
        assert store.points(run.id, "loss") == ()
        if moment == "resumed":
            fresh = store.claim(run.id)
    fresh.finish({"x": math.inf})
    assert store.get(run.id).result == {"x": math.inf}
    with pytest.raises(LeaseLost):
        fresh.report(0.1)


def test_a_late_worker_keeps_its_run_while_nobody_else_took_it(
    store: Store, spec: Specs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.submit(spec())
    with monkeypatch.context() as late:
        late.setattr(watch, "LEASE_SECONDS", -1.0)
        lease = store.claim(run.id, ELSEWHERE)
    assert store.get(run.id).status == "lost"
    assert lease.heartbeat() is False
    assert store.get(run.id).status == "running"


def test_of_many_threads_exactly_one_gets_the_run(store: Store, spec: Specs) -> None:
    run = store.submit(spec())
    start, leases, refused = threading.Barrier(8), [], []

    def claim() -> None:
        start.wait()
        try:
            leases.append(store.claim(run.id))
        except RunError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(leases) == 1
    assert refused == [f"Run {run.id} cannot be claimed: it is running, not queued."] * 7


def test_of_many_processes_exactly_one_gets_the_run(store: Store, spec: Specs) -> None:
    runs = [store.submit(spec(seed=seed)).id for seed in range(20)]
    code = """
import sys
from explorer.errors import RunError
from explorer.runs import Store
store, got = Store.open(), []
print("ready", flush=True)
sys.stdin.read(1)
for run_id in sys.argv[1:]:
    try:
        got.append(store.claim(run_id).run_id)
    except RunError:
        pass
print(*got)
"""
    pipe = subprocess.PIPE
    workers = [
        subprocess.Popen([sys.executable, "-c", code, *runs], stdin=pipe, stdout=pipe, text=True)
        for _ in "ab"
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    got = [worker.communicate("x")[0].split() for worker in workers]
    assert sorted(got[0] + got[1]) == sorted(runs)


def test_points_after_the_checkpoint_are_dropped_when_resuming(store: Store, spec: Specs) -> None:
    run = store.submit(spec())
    lease = store.claim(run.id)
    for step in range(3):
        lease.append("loss", {"step": step})
    lease.report(0.3, "three")
    lease.checkpoint(b"weights", {"step": 3, "best": math.inf})
    for step in range(3, 6):
        lease.append("loss", {"step": step, "value": math.nan})
        lease.append("accuracy", {"step": step})
    lease.report(0.6, "six")
    assert [point["step"] for point in store.points(run.id, "loss", after=2)] == [2, 3, 4, 5]
    lease.fail("It broke.")
    resumed = store.resume(run.id)
    assert (resumed.status, resumed.fraction, resumed.message, resumed.error) == (
        "queued",
        0.3,
        "three",
        None,
    )
    assert [point["step"] for point in store.points(run.id, "loss")] == [0, 1, 2]
    assert store.points(run.id, "accuracy") == ()
    saved = store.last_checkpoint(run.id)
    assert saved is not None
    assert store.artifacts.get_bytes(saved[0]) == b"weights"
    assert saved[1] == {"step": 3, "best": math.inf}
    store.claim(run.id).append("loss", {"step": 3})
    assert [point["step"] for point in store.points(run.id, "loss")] == [0, 1, 2, 3]


def test_only_the_files_some_run_needs_are_kept(store: Store, spec: Specs) -> None:
    one, two = (store.claim(store.submit(spec(seed=seed)).id) for seed in (1, 2))
    one.checkpoint(b"1", {})
    two.checkpoint(b"1", {})
    old = one.checkpoint(b"2", {})
    before = one.checkpoint(b"3", {})
    assert len(files(store)) == 3, "the other run still needs the first"
    new = one.checkpoint(b"4", {})
    assert old not in files(store)
    assert {before, new} <= files(store), "the last two are kept"
    assert one.checkpoint(b"4", {"later": True}) == one.checkpoint(b"4", {"last": True}) == new
    assert new in files(store), "the same content again is not swept away"
    assert before not in files(store)
    weights = one.keep("weights", b"final")
    one.finish({})
    assert store.last_checkpoint(one.run_id) is None
    assert new not in files(store)
    assert store.get(one.run_id).artifacts == {"weights": weights}
    two.stopped()
    store.delete(one.run_id)
    store.delete(two.run_id)
    assert files(store) == set()
    assert store.list() == ()
    with pytest.raises(RunError, match="There is no run"):
        store.get(one.run_id)


def test_the_worker_hears_of_a_cancellation(store: Store, spec: Specs) -> None:
    run = store.submit(spec())
    lease = store.claim(run.id)
    assert lease.heartbeat() is False
    assert store.cancel(run.id).status == "cancelling"
    assert lease.heartbeat() is True
    for refused in (store.resume, store.delete):
        with pytest.raises(RunError, match="cancelling"):
            refused(run.id)
    lease.stopped()
    assert store.get(run.id).status == "cancelled"
    assert store.resume(run.id).status == "queued"
    assert store.cancel(run.id).status == "cancelled", "nobody works on it: it is taken away at once"
    with pytest.raises(RunError, match="it is cancelled, not queued"):
        store.claim(run.id)


def test_a_finished_run_stays_as_it_is(store: Store, spec: Specs) -> None:
    run = store.submit(spec())
    store.claim(run.id).finish({"x": 1})
    done = store.get(run.id)
    assert (done.status, done.fraction, done.live, done.resumable) == ("done", 1.0, False, False)
    assert store.cancel(run.id) == store.resume(run.id) == store.submit(run.spec) == done


def test_a_run_whose_worker_is_dead_is_lost_at_once(store: Store, spec: Specs) -> None:
    run = store.submit(spec())
    code = "import os, sys; from explorer.runs import Store; Store.open().claim(sys.argv[1]); os.kill(os.getpid(), 9)"
    dead = subprocess.Popen([sys.executable, "-c", code, run.id])
    with dead:
        while dead.returncode is None and store.get(run.id).status != "lost":
            pass  # lost even while the dead one is a zombie, which it is until it is waited for
    assert store.get(run.id).status == "lost"
    assert store.cancel(run.id).status == "cancelled"


def test_a_run_whose_launched_worker_died_before_claiming_is_lost(store: Store, spec: Specs) -> None:
    run = store.submit(spec())
    dead = subprocess.Popen([sys.executable, "-c", ""])
    store.queue.launched(run, child(dead.pid, detached=True))
    dead.wait()
    assert store.get(run.id).status == "lost"
    assert store.resume(run.id).status == "queued"


def test_what_a_run_records_must_be_plain(store: Store, spec: Specs) -> None:
    lease = store.claim(store.submit(spec()).id)
    with pytest.raises(RunError, match=r"a point of 'loss'\['x'\] is a complex"):
        lease.append("loss", {"x": 1j})
    with pytest.raises(RunError, match="state has the key 3"):
        lease.checkpoint(b"", {3: "x"})  # type: ignore[dict-item]
    with pytest.raises(RunError, match="taken by the run's checkpoint"):
        lease.keep("checkpoint", b"")
