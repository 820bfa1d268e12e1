"""A restart of the database's server in mid-run costs no run."""

from collections.abc import Callable

from explorer.jobs import execute, request
from explorer.runs import RunSpec, Store
from explorer.runs.holding.patience import patiently
from tests.jobs.holding import Hold
from tests.runs.postgresql import Server

Specs = Callable[..., RunSpec]
Wait = Callable[..., None]


def test_a_run_outlives_a_restart_of_the_server(
    postgresql: Server, spec: Specs, wait: Wait, hold: Hold
) -> None:
    """It waits for its database, goes on, and comes to what it would have come to, each point once."""
    whole = execute(Store.open(), spec(steps=30))
    store = Store.open(postgresql.new_database())
    hold.before(5)
    run = request(store, spec(steps=30, hold=str(hold.path)))
    wait(lambda: len(store.points(run.id, "chain")) == 5)
    hold.release()
    postgresql.restart()
    wait(lambda: patiently(lambda: not store.get(run.id).live))
    done = store.get(run.id)
    assert (done.status, done.token, done.remark) == ("done", 2, None), store.log_path(run.id).read_text()
    assert done.result == whole.result
    assert store.points(run.id, "chain") == Store.open().points(whole.id, "chain")
    store.close()
