"""One damaged row is one run that cannot be read; a damaged file is a sentence. Neither is a traceback."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer.errors import RunError
from explorer.jobs import execute, request
from explorer.runs import RunSpec, Store
from tests.runs.damaging import damaged, filled, used

Specs = Callable[..., RunSpec]

FILES = int(os.environ.get("EXPLORER_FUZZ", 40))  # how many damaged files are tried

DAMAGE = {
    "a newer version's key": (
        "spec",
        '{"kind":"selftest","study":"","fingerprint":"0","worth":5}',
        "spec.worth",
    ),
    "half a spec": ("spec", '{"kind":', "Expecting value"),
    "a spec that is none": ("spec", "[]", "dictionary"),
    "a spec that is no text": ("spec", b"\xff{}", "decode"),
    "an endless spec": ("spec", "[" * 100_000, "recursion"),
    "an unknown status": ("status", "paused", "'paused'"),
    "a fraction that is none": ("fraction", "half", "not supported"),
    "a fraction above one": ("fraction", 7.0, "7.0"),
    "a moment that is none": ("created", "yesterday", "not str"),
    "a moment beyond time": ("created", 1e300, "out of range"),
    "a token that is none": ("token", "x", "'x'"),
    "a title that is none": ("title", b"\xff", "where a text"),
}


def set_cell(home: Path, run_id: str, column: str, value: object) -> None:
    raw = sqlite3.connect(home / "runs.db")
    raw.execute("PRAGMA ignore_check_constraints = ON")
    raw.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, run_id))
    raw.commit()
    raw.close()


@pytest.mark.parametrize("case", DAMAGE)
def test_an_unreadable_row_keeps_nobody_from_the_others(
    store: Store, spec: Specs, home: Path, case: str
) -> None:
    """It is listed, says what is wrong, can be deleted and asked for again; nothing else is done with it."""
    column, value, said = DAMAGE[case]
    good, bad = store.submit(spec(seed=1)), store.submit(spec(seed=2))
    set_cell(home, bad.id, column, value)
    listed = {run.id: run for run in store.list()}
    assert listed[good.id] == store.get(good.id) == good
    assert [run.id for run in store.live()] == [good.id]
    found = store.get(bad.id)
    assert (found.status, found.live, found.resumable, found.result) == ("unreadable", False, False, None)
    assert found.error is not None
    assert said in found.error
    assert "delete it" in found.error
    assert len(found.error) < 400
    found.error.encode()
    asked = spec(seed=2)
    refusing: list[Callable[[], object]] = [
        lambda: store.submit(asked),
        lambda: store.cancel(bad.id),
        lambda: store.resume(bad.id),
        lambda: store.claim(bad.id),
        lambda: request(store, asked),
        lambda: execute(store, asked),
    ]
    for refused in refusing:
        with pytest.raises(RunError, match=f"Run {bad.id} cannot be read"):
            refused()
    store.delete(bad.id)
    assert store.submit(asked).status == "queued"


def test_a_row_of_a_worker_that_lives_is_not_deleted_under_it(store: Store, spec: Specs, home: Path) -> None:
    """A newer version may be at work on what this one cannot read."""
    run = store.submit(spec())
    store.claim(run.id)
    set_cell(home, run.id, "spec", '{"newer":1}')
    assert store.get(run.id).status == "unreadable"
    with pytest.raises(RunError, match="is running; stop it before deleting"):
        store.delete(run.id)


def test_damaged_points_are_a_sentence(store: Store, spec: Specs, home: Path) -> None:
    run = store.submit(spec())
    store.claim(run.id).append("chain", {"step": 1})
    raw = sqlite3.connect(home / "runs.db")
    raw.execute("UPDATE points SET point = '{'")
    raw.commit()
    raw.close()
    with pytest.raises(RunError, match=r"points 'chain' of run .* are damaged"):
        store.points(run.id, "chain")


def test_a_damaged_database_is_a_sentence_whatever_the_damage(tmp_path: Path) -> None:
    """Cut files, changed bytes, wrong types, lost tables: opened and used in every way."""
    asked = filled(tmp_path / "whole")
    for seed in range(FILES):
        home = tmp_path / str(seed)
        home.mkdir()
        how = damaged(tmp_path / "whole" / "runs.db", home / "runs.db", seed)
        try:
            refused = used(home, asked)
        except Exception as error:
            raise AssertionError(f"file {seed}, {how}") from error
        assert all(sentence and len(sentence) < 1000 for sentence in refused), (seed, how)
