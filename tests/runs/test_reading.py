"""What reading the store costs: counted in queries and in results decoded, not in seconds."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import event

from explorer.runs import RunSpec, Store
from explorer.runs.plain import decode
from tests.runs.postgresql import BOTH

pytestmark = BOTH

Specs = Callable[..., RunSpec]


@pytest.fixture
def queries(store: Store) -> Iterator[list[str]]:
    """The SELECTs that are sent, as they are sent."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT"):
            sent.append(statement)

    event.listen(store._database._engine, "before_cursor_execute", note)
    yield sent
    event.remove(store._database._engine, "before_cursor_execute", note)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The results that are decoded, as they are decoded."""
    seen: list[str] = []

    def counted(text: str) -> object:
        seen.append(text)
        return decode(text)

    monkeypatch.setattr("explorer.runs.store.decode", counted)
    return seen


def finished(store: Store, spec: Specs, count: int) -> None:
    for seed in range(count):
        lease = store.claim(store.submit(spec(seed=seed)).id)
        lease.keep("weights", b"%d" % seed)
        lease.finish({"seed": seed})


def test_the_strip_of_live_runs_costs_the_same_however_many_have_ended(
    store: Store, spec: Specs, queries: list[str], decoded: list[str]
) -> None:
    """Every tab asks every two seconds: the database leaves out what has ended, and no result is decoded."""
    finished(store, spec, 12)
    queries.clear()
    assert store.live() == ()
    assert len(queries) == 1
    live = [store.submit(spec(seed=seed)).id for seed in (100, 101)]
    store.claim(live[1])
    queries.clear()
    assert [run.id for run in store.live()] == live[::-1]
    assert len(queries) == 2, "the runs, and what they have kept so far"
    assert decoded == []


def test_a_lost_run_is_not_live(store: Store, spec: Specs, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the table calls running may have no worker any more."""
    run = store.submit(spec())
    store.claim(run.id)
    assert [each.id for each in store.live()] == [run.id]
    monkeypatch.setattr(store._watch, "alive", lambda worker: False)
    assert store.live() == ()


def test_results_are_decoded_when_they_are_looked_at_and_once(
    store: Store, spec: Specs, queries: list[str], decoded: list[str]
) -> None:
    """Choosing among runs by what was asked reads and decodes nothing of what came out."""
    finished(store, spec, 5)
    queries.clear()
    found = store.list(kind="selftest")
    assert len(queries) == 2
    assert not [query for query in queries if "runs.result" in query or "runs.checkpoint" in query]
    assert [run.spec.seed for run in found] == [4, 3, 2, 1, 0]
    assert decoded == []
    assert found[2].result == {"seed": 2}
    assert found[2].result is found[2].result
    assert decoded == ['{"seed":2}']
    assert len(queries) == 3, "the one result that was looked at"
    assert store.list(kind="selftest") == found, "runs are compared without decoding either"
    assert len(decoded) == 1
