"""Runs are listed, shown, resumed and deleted from the command line."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from explorer import studies
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.questions import EvaluateQuestion
from explorer.runs import Run, RunSpec, Store
from tests import learnable

from .conftest import Command


@pytest.fixture
def store(explorer_home: Path) -> Store:
    return Store.open()


def chain(seed: int, **parameters: object) -> RunSpec:
    content = {"steps": 3, **parameters}
    return RunSpec(kind="selftest", study="none", fingerprint="0", parameters=content, seed=seed)


def failed(store: Store, seed: int) -> Run:
    spec = chain(seed, fail_at=2)
    with pytest.raises(Exception, match="told to fail"):
        execute(store, spec, title=f"chain {seed}")
    store.log_path(spec.run_id).parent.mkdir(parents=True, exist_ok=True)
    store.log_path(spec.run_id).write_text("step 2 failed\n")
    return store.get(spec.run_id)


def told(explore: Command, *words: str) -> dict[str, Any]:
    answer = explore("runs", *words, "--json")
    assert answer.status == 0, answer.err
    content: dict[str, Any] = json.loads(answer.out)
    return content


def test_list_and_its_filters(explore: Command, store: Store) -> None:
    done, lost = execute(store, chain(1)), failed(store, 2)
    listed = told(explore, "list")["runs"]
    assert {each["id"]: each["status"] for each in listed} == {done.id: "done", lost.id: "failed"}
    assert next(each for each in listed if each["id"] == lost.id)["bytes"] > len("step 2 failed\n")
    assert [each["id"] for each in told(explore, "list", "--status", "failed,lost")["runs"]] == [lost.id]
    assert told(explore, "list", "--kind", "traces")["runs"] == []
    assert len(told(explore, "list", "--study", "non")["runs"]) == 2
    assert lost.id in explore("runs", "list").out
    wrong = explore("runs", "list", "--status", "gone")
    assert (wrong.status, "there is no status 'gone'; use queued" in wrong.err) == (2, True)


def test_show_says_the_question_the_error_and_what_made_it(explore: Command, store: Store) -> None:
    run = failed(store, 2)
    shown = told(explore, "show", run.id[:5])
    assert (shown["id"], shown["parameters"], shown["seed"]) == (run.id, run.spec.parameters, 2)
    assert "told to fail" in shown["error"]
    assert shown["made_by"]["python"]
    assert run.id in explore("runs", "show", run.id).out
    assert explore("runs", "log", run.id).out == "step 2 failed\n"


def test_an_id_that_is_unknown_or_of_several_is_a_sentence(explore: Command, store: Store) -> None:
    for seed in range(20):  # of 20 ids two begin alike
        store.submit(chain(seed))
    first = [run.id[0] for run in store.list()]
    several = next(digit for digit in first if first.count(digit) > 1)
    answer = explore("runs", "show", several)
    assert (answer.status, f"runs begin with '{several}'" in answer.err) == (2, True)
    for name in ("zzz", ""):
        answer = explore("runs", "show", name)
        assert (answer.status, f"There is no run {name!r}" in answer.err) == (2, True)


def test_cancel_and_delete(explore: Command, store: Store) -> None:
    waiting, ended = store.submit(chain(1)), failed(store, 2)
    refused = explore("runs", "delete", ended.id, waiting.id)
    assert refused.status == 2
    assert f"Run {waiting.id} is queued; cancel it before deleting it." in refused.err
    assert len(store.list()) == 2, "all or none"
    assert explore("runs", "cancel", waiting.id).out == f"{waiting.id} is cancelled\n"
    assert explore("runs", "delete", ended.id, waiting.id).status == 0
    assert store.list() == ()
    assert not store.log_path(ended.id).exists()
    assert not [path for path in (store.home / "artifacts").rglob("*") if path.is_file()]


def test_prune_deletes_what_it_said_and_frees_that(explore: Command, store: Store) -> None:
    done, newest = execute(store, chain(1)), None
    ended = [failed(store, seed) for seed in (2, 3, 4)]
    newest = ended[-1]
    said = told(explore, "prune", "--keep", "1", "--dry-run")
    assert set(said["runs"]) == {run.id for run in ended[:-1]}
    assert len(store.list()) == 4
    before = disk(store)
    pruned = told(explore, "prune", "--keep", "1")
    assert (pruned["runs"], pruned["bytes"]) == (said["runs"], said["bytes"])
    assert before - disk(store) == pruned["bytes"]
    assert {run.id for run in store.list()} == {done.id, newest.id}
    assert told(explore, "prune", "--older-than", "1h")["runs"] == []
    assert told(explore, "prune", "--status", "done")["runs"] == [done.id]
    wrong = explore("runs", "prune", "--older-than", "soon")
    assert (wrong.status, "must be a number and one of m, h, d or w" in wrong.err) == (2, True)


def test_prune_sweeps_what_a_killed_process_left(explore: Command, store: Store) -> None:
    left = store.home / "artifacts" / "ab" / ".0123456789abcdef.tmp"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    os.utime(left.parent, (0, 0))
    assert told(explore, "prune", "--dry-run")["litter"] == 0
    assert told(explore, "prune")["litter"] >= 1
    assert not left.exists()


def disk(store: Store) -> int:
    folders = (store.home / "artifacts", store.home / "logs")
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


def test_resume_is_refused_with_what_changed(explore: Command, store: Store, tmp_path: Path) -> None:
    """Before a worker is started, so that the run stays what it was."""
    study = studies.load_network(learnable.write(tmp_path / "learnable"))
    run = store.submit(spec_of(study, EvaluateQuestion()), parts=study.parts)
    store.cancel(run.id)
    net = tmp_path / "learnable" / "net.py"
    net.write_text(net.read_text().replace("AdaptiveAvgPool2d", "AdaptiveMaxPool2d"))
    answer = explore("runs", "resume", run.id)
    assert answer.status == 2
    assert "has changed since this run was asked for: net.py changed; ask again" in answer.err
    assert store.get(run.id).status == "cancelled"


def test_resume_starts_a_worker(explore: Command, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from explorer.jobs import starting

    started: list[str] = []
    monkeypatch.setattr(starting, "launch", lambda store, run_id, **_: started.append(run_id))
    run = failed(store, 2)
    assert explore("runs", "resume", run.id, "--time-limit", "2h").out == f"{run.id} is queued\n"
    assert store.get(run.id).time_limit == 7200
    assert started == [run.id]
