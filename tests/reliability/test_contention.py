"""Many at once: writers of one database, launchers of one run, a worker that stood still, a lock that is held."""

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import psutil

from explorer.jobs import execute, request, stop
from explorer.jobs.queue.room import workers
from explorer.runs import RunSpec, Store
from tests.reliability import killing

WRITE = """
import sys
from explorer.runs import RunSpec, Store
store = Store.open()
for n in range(15):
    spec = RunSpec(kind="selftest", study="none", fingerprint="0", seed=int(sys.argv[1]) * 1000 + n)
    lease = store.claim(store.submit(spec).id)
    lease.append("chain", {"step": n})
    if n % 10 == 0:
        lease.checkpoint(b"%d" % n, {"step": n})
    lease.finish({"n": n})
"""
# A worker whose lease is short, so that a test need not wait for the real one.
SHORT = """
import sys
from explorer.runs import context
from explorer.runs.holding import watch
watch.LEASE_SECONDS, context.HEARTBEAT_SECONDS = 1.0, 0.2
from explorer.jobs.worker import main
sys.exit(main(sys.argv[1]))
"""
HOLD_LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("ROLLBACK")
"""


def spec(**parameters: object) -> RunSpec:
    return RunSpec(kind="selftest", study="none", fingerprint="0", parameters=parameters)


def test_four_processes_that_write_at_once_lose_nothing(store: Store) -> None:
    """Fifteen runs each, from asking to the result."""
    writers = [subprocess.Popen([sys.executable, "-c", WRITE, str(n)]) for n in range(4)]
    assert [each.wait() for each in writers] == [0, 0, 0, 0]
    found = store.list()
    assert {run.status for run in found} == {"done"}
    assert all(len(store.points(run.id, "chain")) == 1 for run in found)
    killing.assert_sound(store, runs=60)


def test_a_worker_that_stood_still_past_its_lease_comes_back_and_writes_nothing(store: Store) -> None:
    """SIGSTOP, as a closed lid; someone who cannot see its process takes the run; SIGCONT."""
    whole = execute(Store.open(home=store.home / "elsewhere"), spec(steps=30))
    run = store.submit(spec(steps=30, pause=0.05))
    command = [sys.executable, "-c", SHORT, run.id]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE) as worker:
        killing.wait(lambda: len(store.points(run.id, "chain")) >= 3, "the third step")
        with store._database.writing():  # it is stopped while it waits, not with the lock in its hand
            worker.send_signal(signal.SIGSTOP)
            stopped = psutil.STATUS_STOPPED
            killing.wait(lambda: psutil.Process(worker.pid).status() == stopped, "the stop")
        far = Store.open(alive=lambda _: None)  # as from another machine: the lease alone decides
        killing.wait(lambda: far.get(run.id).status == "lost", "the end of the lease")
        taken = far.claim(far.resume(run.id).id)
        worker.send_signal(signal.SIGCONT)
        assert worker.wait(timeout=killing.PATIENCE) == 3, "it was taken away"
    steps = [point["step"] for point in store.points(run.id, "chain")]
    taken.stopped()
    far.close()
    done = execute(store, spec(steps=30, pause=0.05))
    assert steps == list(range(1, len(steps) + 1))
    assert done.result is not None
    assert whole.result is not None
    assert done.result["chain"] == whole.result["chain"]
    assert [point["step"] for point in store.points(run.id, "chain")] == list(range(1, 31))


def test_a_lock_held_longer_than_a_write_waits_costs_time_and_not_the_run(store: Store) -> None:
    """Another process holds the database for longer than a write waits for it; the run goes on when it lets go."""
    run = store.submit(spec(steps=40, pause=0.05))
    impatient = "from explorer.runs import database; database.BUSY_TIMEOUT = 0.3" + SHORT
    with subprocess.Popen([sys.executable, "-c", impatient, run.id], start_new_session=True) as worker:
        killing.wait(lambda: len(store.points(run.id, "chain")) >= 3, "the third step")
        command = [sys.executable, "-c", HOLD_LOCK, str(store.home / "runs.db"), "3"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            time.sleep(1)
            assert worker.poll() is None, "it waits"
        assert worker.wait(timeout=killing.PATIENCE) == 0
    assert store.get(run.id).status == "done"
    assert [point["step"] for point in store.points(run.id, "chain")] == list(range(1, 41))


def test_sixty_runs_asked_at_once_never_exceed_the_limit_and_end_cleanly(store: Store) -> None:
    """Real workers: as many as there are places, one after the other; those that wait are cancelled."""
    asked = [
        request(store, RunSpec(kind="selftest", study="none", fingerprint="0", seed=n)) for n in range(60)
    ]
    most = 0
    while sum(run.status == "done" for run in store.list()) < 6:
        most = max(most, len(store.queue.line().at_work))
        time.sleep(0.02)
    for run in asked:
        stop(store, run.id)
        most = max(most, len(store.queue.line().at_work))
    killing.wait(lambda: not store.live(), "the end of all")
    ended = [store.get(run.id).status for run in asked]
    assert set(ended) == {"done", "cancelled"}
    assert 0 < most <= workers()
    killing.assert_sound(store, runs=60)


def test_a_clock_that_jumps_takes_no_run_from_a_worker_that_lives(store: Store) -> None:
    """The app's clock goes an hour forward and an hour back while a worker works on this machine."""
    run = request(store, spec(steps=60, pause=0.05))
    killing.wait(lambda: store.points(run.id, "chain"), "the first step")
    for hours in (1, -1):
        look = (
            f"import time; now = time.time; time.time = lambda: now() + {3600 * hours}\n"
            "import sys; from explorer.runs import Store; print(Store.open().get(sys.argv[1]).status)"
        )
        told = subprocess.run(
            [sys.executable, "-c", look, run.id], check=True, capture_output=True, text=True
        ).stdout.strip()
        assert told in ("running", "done"), f"{hours:+} h"
    killing.wait(lambda: not store.get(run.id).live, "its end")
    assert store.get(run.id).status == "done"
    assert len(store.points(run.id, "chain")) == 60


def test_the_database_may_be_deleted_under_an_open_store(store: Store) -> None:
    """Who goes on writes into the new file, or says in a sentence that the old one is gone."""
    request(store, spec())
    killing.wait(lambda: not store.live(), "its end")
    for path in store.home.glob("runs.db*"):
        path.unlink()
    other = Store.open(home=store.home)
    run = other.submit(spec())
    assert store.get(run.id).id == run.id, "both look at the same file"
    with closing(sqlite3.connect(store.home / "runs.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    other.close()
