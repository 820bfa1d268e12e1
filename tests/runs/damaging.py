"""Damaging a store's database, and trying all that can be asked of it afterwards."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from explorer.errors import RunError
from explorer.runs import RunSpec, Store

# What a cell may hold where the schema says otherwise: SQLite takes anything anywhere.
WRONG = ("text", b"\xff\xfe", 1e999, -1e300, 2**62, "", "[]", "{", "null", None)
TABLES = {
    "runs": "identity kind study spec title status fraction message error result checkpoint created started finished "
    "token expires host pid birth detached fingerprint superseded_by owner priority time_limit peak_memory parts "
    "provenance checkpoint_before remark",
    "points": "series n point",
    "artifacts": "name sha256",
    "alembic_version": "version_num",
}


def damaged(source: Path, target: Path, seed: int) -> str:
    """A copy of a closed database with one kind of damage, drawn from the seed; what was done to it."""
    draw = random.Random(seed)
    shutil.copy(source, target)
    how = draw.choice(("truncated", "bytes", "bytes", "cell", "cell", "cell", "table"))
    if how == "truncated":
        with target.open("r+b") as file:
            file.truncate(draw.randrange(target.stat().st_size))
    elif how == "bytes":
        content = bytearray(target.read_bytes())
        for _ in range(draw.choice((1, 5, 50, 500))):
            content[draw.randrange(len(content))] = draw.randrange(256)
        target.write_bytes(content)
    else:
        raw = sqlite3.connect(target)
        raw.execute("PRAGMA ignore_check_constraints = ON")
        table = draw.choice(list(TABLES))
        if how == "table":
            raw.execute(f"DROP TABLE {table}")
        else:
            column, value = draw.choice(TABLES[table].split()), draw.choice(WRONG)
            how = f"{table}.{column} = {value!r}"
            try:
                raw.execute(f"UPDATE {table} SET {column} = ? WHERE rowid % 2", (value,))
            except sqlite3.IntegrityError:
                how += " refused"
        raw.commit()
        raw.close()
    return how


def filled(home: Path) -> RunSpec:
    """A store with a run of every fate under ``home``; the spec of a finished one."""
    store = Store.open(home=home)
    specs = [RunSpec(kind="selftest", study="none", fingerprint="0", seed=seed) for seed in range(6)]
    for spec in specs:
        store.submit(spec, f"run {spec.seed}")
    for spec in specs[1:]:
        lease = store.claim(spec.run_id)
        lease.append("chain", {"step": 1})
        lease.checkpoint(b"%d" % spec.seed, {"step": 1})
        lease.checkpoint(b"more %d" % spec.seed, {"step": 2})
        if spec.seed == 2:
            lease.fail("It broke.")
        if spec.seed >= 3:
            lease.keep("weights", b"w")
            lease.finish({"x": [1.5] * 100})
    store.close()
    return specs[3]


def used(home: Path, asked: RunSpec) -> list[str]:
    """Try everything on a store that may be damaged; the sentences of what was refused. Anything else is raised."""
    refused: list[str] = []

    def attempt(action: Callable[[], object]) -> None:
        try:
            action()
        except RunError as error:
            refused.append(str(error))

    try:
        store = Store.open(home=home)
    except RunError as error:
        return [str(error)]
    try:
        ids = {asked.run_id}
        attempt(lambda: ids.update(run.id for run in store.list()))
        attempt(store.live)
        attempt(lambda: store.find(asked))
        attempt(lambda: store.submit(asked))
        for run_id in sorted(ids):
            attempt(lambda run_id=run_id: store.get(run_id).result)  # type: ignore[misc]
            attempt(lambda run_id=run_id: store.points(run_id, "chain"))  # type: ignore[misc]
            attempt(lambda run_id=run_id: store.last_checkpoint(run_id))  # type: ignore[misc]
            attempt(lambda run_id=run_id: store.worker(run_id))  # type: ignore[misc]
            attempt(lambda run_id=run_id: store.cancel(run_id))  # type: ignore[misc]
            attempt(lambda run_id=run_id: store.resume(run_id))  # type: ignore[misc]
            attempt(lambda run_id=run_id: store.claim(run_id).append("chain", {"step": 2}))  # type: ignore[misc]
            attempt(lambda run_id=run_id: store.delete(run_id))  # type: ignore[misc]
    finally:
        store.close()
    return refused
