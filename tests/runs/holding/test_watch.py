"""Whether a worker still has its run: on its own host its process says so, and no clock."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from explorer.runs import RunSpec, Store, Worker
from explorer.runs.holding import patience, watch
from explorer.runs.holding.watch import Watch
from explorer.runs.schema import runs
from explorer.runs.workers import child, lives_here, this_process
from tests.runs.postgresql import BOTH

pytestmark = BOTH

Specs = Callable[..., RunSpec]
Wait = Callable[..., None]
HOUR = 3600.0


@pytest.fixture
def sleeper(wait: Wait) -> Iterator[subprocess.Popen[bytes]]:
    """A process that could be a worker."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    yield process
    process.kill()
    process.wait()


def renewed(store: Store, run_id: str, seconds: float) -> None:
    """Let the lease have been renewed so long ago, or so long from now: what a step of the clock looks like."""
    with store._database.writing() as connection:
        changed = runs.update().where(runs.c.id == run_id)
        connection.execute(changed.values(expires=time.time() + watch.LEASE_SECONDS + seconds))


@pytest.mark.parametrize("step", [-HOUR, -20.0, 20.0, HOUR])
@pytest.mark.parametrize("detached", [True, False])
def test_a_step_of_the_clock_loses_no_worker_and_hides_no_death(
    store: Store, spec: Specs, sleeper: subprocess.Popen[bytes], step: float, detached: bool
) -> None:
    run = store.submit(spec())
    store.claim(run.id, child(sleeper.pid, detached=detached))
    renewed(store, run.id, step)
    assert store.get(run.id).status == "running"
    sleeper.kill()
    sleeper.wait()
    assert store.get(run.id).status == "lost"


def test_a_launched_worker_may_take_its_time(
    store: Store, spec: Specs, sleeper: subprocess.Popen[bytes]
) -> None:
    """On a busy machine it takes minutes until it claims its run."""
    run = store.submit(spec())
    store.queue.launched(run, child(sleeper.pid, detached=True))
    renewed(store, run.id, -HOUR)
    assert store.get(run.id).status == "queued"


def test_elsewhere_the_lease_decides(store: Store, spec: Specs) -> None:
    run = store.submit(spec())
    store.claim(run.id, Worker("elsewhere", 1, "then", detached=True))
    assert store.get(run.id).status == "running"
    renewed(store, run.id, -20.0)
    assert store.get(run.id).status == "lost"


@pytest.mark.parametrize("clock", ["ran out", "stepped back"])
def test_a_stopped_worker_is_given_up_when_its_lease_has_run_out(
    store: Store, spec: Specs, sleeper: subprocess.Popen[bytes], wait: Wait, clock: str
) -> None:
    """By the database's clock, or by having been watched for long enough if that clock stepped back."""
    now = 0.0
    store._watch = Watch(lives_here, clock=lambda: now)
    run = store.submit(spec())
    stale = store.claim(run.id, child(sleeper.pid, detached=True))
    sleeper.send_signal(signal.SIGSTOP)
    stat = Path(f"/proc/{sleeper.pid}/stat")
    wait(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
    assert store.get(run.id).status == "running", "stopped for a moment"
    renewed(store, run.id, -20.0 if clock == "ran out" else HOUR)
    if clock == "stepped back":
        assert store.get(run.id).status == "running"
        now = watch.LEASE_SECONDS + 0.1
    assert store.get(run.id).status == "lost"
    store.resume(run.id)
    store.claim(run.id)
    with pytest.raises(Exception, match="nothing was written"):
        stale.report(0.5)


def test_a_process_that_does_other_things_is_given_up_when_it_was_silent_for_long(
    store: Store, spec: Specs
) -> None:
    """A notebook lives on after its run ended without a word; a worker that waits for its database is not given up."""
    now = 0.0
    store._watch = Watch(lives_here, clock=lambda: now)
    run = store.submit(spec())
    lease = store.claim(run.id, this_process())
    assert store.get(run.id).status == "running"
    now = patience.SECONDS
    assert store.get(run.id).status == "running", "it may be waiting for the database"
    now += watch.LEASE_SECONDS + 1
    assert store.get(run.id).status == "lost"
    lease.heartbeat()
    assert store.get(run.id).status == "running"
