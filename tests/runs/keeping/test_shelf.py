"""A run keeps what people say of it, and deleting one in the list loses nothing that cannot be brought back."""

from collections.abc import Callable

import pytest

from explorer.errors import RunError
from explorer.jobs import execute, housekeeping
from explorer.runs import RunSpec, Store
from explorer.runs.keeping import shelf

Specs = Callable[..., RunSpec]


def test_name_note_and_tags_stay_with_the_run(store: Store, spec: Specs) -> None:
    run = execute(store, spec(steps=2))
    assert (run.name, run.note, run.tags) == (None, None, ())
    store.shelf.describe(
        run.id, name=" the  first ", note="as in the paper\n", tags=["a b", "", " a  b ", "c"]
    )
    said = store.get(run.id)
    assert (said.name, said.note, said.tags) == ("the first", "as in the paper", ("a b", "c"))
    assert said.result == run.result
    store.shelf.describe(run.id, name="", note="", tags=())
    bare = store.get(run.id)
    assert (bare.name, bare.note, bare.tags) == (None, None, ())


def test_too_much_is_refused_in_a_sentence(store: Store, spec: Specs) -> None:
    run = store.submit(spec(steps=2))
    with pytest.raises(RunError, match="a name has at most 120 characters; this one has 121"):
        store.shelf.describe(run.id, name="x" * 121, note="", tags=())
    with pytest.raises(RunError, match="a run has at most 20 tags; 21 were given"):
        store.shelf.describe(run.id, name="", note="", tags=map(str, range(21)))
    with pytest.raises(RunError, match="There is no run 'gone'"):
        store.shelf.describe("gone", name="", note="", tags=())


def test_a_deleted_run_is_in_no_list_and_comes_back_whole(store: Store, spec: Specs) -> None:
    run = execute(store, spec(steps=2))
    store.shelf.put_away([run.id])
    assert store.list() == store.live() == ()
    assert store.find(run.spec) is None
    assert [each.id for each in store.shelf.deleted()] == [run.id]
    assert store.get(run.id).deleted is not None
    store.sweep()  # nothing is removed before its time
    store.shelf.restore([run.id])
    back = store.find(run.spec)
    assert back is not None
    assert (back.result, back.artifacts, back.deleted) == (run.result, run.artifacts, None)
    assert "chain" in store.tensors(run.id, "chain")


def test_what_is_at_work_is_not_deleted_and_nothing_beside_it(store: Store, spec: Specs) -> None:
    done, waiting = execute(store, spec(steps=2)), store.submit(spec(steps=3))
    with pytest.raises(RunError, match=f"Run {waiting.id} is queued; stop it before deleting it"):
        store.shelf.put_away([done.id, waiting.id])
    assert {run.id for run in store.list()} == {done.id, waiting.id}


def test_a_deleted_run_that_is_asked_again_is_computed_anew(store: Store, spec: Specs) -> None:
    run = execute(store, spec(steps=2))
    store.shelf.put_away([run.id])
    again = store.submit(run.spec)
    assert (again.id, again.status) == (run.id, "queued")
    assert store.shelf.deleted() == ()


def test_a_week_later_it_is_gone_with_its_files(
    store: Store, spec: Specs, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, other = execute(store, spec(steps=2)), execute(store, spec(steps=3))
    store.log_path(gone.id).parent.mkdir(exist_ok=True)
    store.log_path(gone.id).write_text("said")
    assert housekeeping.disk(store).of[gone.id] >= 4
    store.shelf.put_away([gone.id])
    assert housekeeping.disk(store).of[gone.id] >= 4  # it still takes room
    monkeypatch.setattr(shelf, "KEPT", -1.0)
    store.sweep()
    assert store.shelf.deleted() == ()
    assert [run.id for run in store.list()] == [other.id]
    assert not store.log_path(gone.id).exists()


def test_disk_counts_what_runs_share_once(store: Store, spec: Specs) -> None:
    runs = [execute(store, spec(steps=2)), execute(store, spec(steps=2, pause=0.001))]
    taken = housekeeping.disk(store)
    single = [sum(housekeeping.files(store, run).values()) for run in runs]
    assert [taken.of[run.id] for run in runs] == single
    unique: dict[str, int] = {}
    for run in runs:
        unique |= housekeeping.files(store, run)
    assert taken.total == sum(unique.values())
