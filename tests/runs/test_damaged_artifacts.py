"""A finished run whose files are damaged is computed again when it is asked for, and is no dead end."""

import shutil
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from explorer.errors import RunError
from explorer.jobs import execute, request, versions
from explorer.jobs.launching.launcher import Launcher
from explorer.runs import RunContext, RunSpec, Store, Worker
from explorer.runs.artifacts import ArtifactDamaged, ArtifactFolder

Specs = Callable[..., RunSpec]


def file_of(store: Store, run_id: str) -> Path:
    return ArtifactFolder(store.home / "artifacts").path(store.get(run_id).artifacts["chain"])


@pytest.mark.parametrize("how", ["gone", "empty", "all gone"])
def test_what_is_missing_is_noticed_when_the_run_is_asked_for(store: Store, spec: Specs, how: str) -> None:
    """A glance at the files is enough: the whole folder may have been cleared."""
    first = execute(store, spec(steps=3))
    path = file_of(store, first.id)
    if how == "all gone":
        shutil.rmtree(store.home / "artifacts")
    elif how == "gone":
        path.unlink()
    else:
        path.write_bytes(b"")
    found = store.find(first.spec)
    assert found is not None
    assert (found.status, found.resumable, found.result) == ("lost", True, None)
    assert found.error == "its file chain was damaged or gone; ask again, and it is computed anew."
    again = execute(store, first.spec)
    assert (again.status, again.result, again.artifacts) == ("done", first.result, first.artifacts)
    assert path.read_bytes()
    assert (
        again.remark
        == versions.remark(again)
        == "This run was computed again because its file chain was damaged."
    )
    assert len(store.points(first.id, "chain")) == 3


def test_who_reads_a_damaged_file_sees_to_it_that_asking_again_mends_it(store: Store, spec: Specs) -> None:
    """Only reading finds a flipped bit; until then the run counts as done."""
    first = execute(store, spec(steps=3))
    path = file_of(store, first.id)
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))
    assert execute(store, first.spec) == first
    with pytest.raises(ArtifactDamaged, match="ask for its run again"):
        store.tensors(first.id, "chain")
    assert store.get(first.id).status == "lost"
    assert [each.name for each in (store.home / "quarantine").iterdir()] == [first.artifacts["chain"]]
    again = execute(store, first.spec)
    assert again.result == first.result
    assert list(store.tensors(first.id, "chain")) == ["chain"]


def test_another_run_that_builds_on_it_does_without(store: Store, spec: Specs) -> None:
    first = execute(store, spec(steps=3))
    path = file_of(store, first.id)
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))
    other = RunContext(store, store.claim(store.submit(spec(steps=4)).id))
    assert other.tensors_of(first, "chain") is None
    assert other.tensors_of(first, "nothing of this name") is None
    assert store.get(first.id).status == "lost"


def test_a_damaged_result_is_computed_again(store: Store, spec: Specs, home: Path) -> None:
    first = execute(store, spec(steps=3))
    raw = sqlite3.connect(home / "runs.db")
    raw.execute("UPDATE runs SET result = '[1'")
    raw.commit()
    raw.close()
    with pytest.raises(RunError, match="is damaged; ask for it again"):
        _ = store.get(first.id).result
    assert store.get(first.id).status == "lost"
    assert execute(store, first.spec).result == first.result


def test_a_request_mends_it_too(store: Store, spec: Specs) -> None:
    """The app's way of asking: a worker is started for it."""

    class Recorded(Launcher):
        def __init__(self) -> None:
            self.submitted: list[str] = []

        def submit(self, run_id: str, *, environment: Mapping[str, str], log: Path) -> Worker:
            self.submitted.append(run_id)
            return Worker("cluster", 1, "then")

        def stop(self, worker: Worker) -> None:
            pass

        def alive(self, worker: Worker) -> bool | None:
            return None

    first = execute(store, spec(steps=3))
    file_of(store, first.id).unlink()
    launcher = Recorded()
    assert request(store, first.spec, launcher=launcher).status == "queued"
    assert launcher.submitted == [first.id]


def test_a_record_that_names_a_file_elsewhere_touches_nothing(store: Store, spec: Specs, home: Path) -> None:
    """A hash from a damaged database is no path out of the folder."""
    first = execute(store, spec(steps=3))
    precious = home / "precious"
    precious.write_text("mine")
    raw = sqlite3.connect(home / "runs.db")
    raw.execute("UPDATE artifacts SET sha256 = '../precious'")
    raw.commit()
    raw.close()
    with pytest.raises(RunError, match="which is no SHA-256"):
        store.tensors(first.id, "chain")
    with pytest.raises(RunError, match="which is no SHA-256"):
        store.artifacts.remove("../precious")
    assert precious.read_text() == "mine"
