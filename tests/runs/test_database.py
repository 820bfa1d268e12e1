"""The database: settings that keep it whole, and tables that follow the version."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from explorer.errors import RunError
from explorer.runs import LeaseLost, RunSpec, Store, schema
from explorer.runs.database import Database

RECORDS = Path(__file__).parent / "records"
MIGRATIONS = Path(schema.__file__).parent / "migrations"


def test_sqlite_is_set_up_as_design_says(store: Store) -> None:
    with store._database.reading() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("busy_timeout", "synchronous", "foreign_keys", "journal_mode")
        }
    assert found == {"busy_timeout": 10_000, "synchronous": 2, "foreign_keys": 1, "journal_mode": "wal"}


def test_a_writing_transaction_has_the_lock_from_its_start(store: Store, home: Path) -> None:
    other = sqlite3.connect(home / "runs.db", timeout=0, isolation_level=None)
    with store._database.writing(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    with store._database.reading() as connection:
        connection.exec_driver_sql("SELECT 1")
        other.execute("BEGIN IMMEDIATE")  # a reader is in nobody's way
        other.execute("ROLLBACK")
    other.close()


def test_the_revisions_make_the_tables_the_store_uses(store: Store) -> None:
    with store._database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


def test_two_processes_may_open_a_new_store_at_once(home: Path) -> None:
    code = "import sys; from explorer.runs import Store; sys.stdin.read(1); print(len(Store.open().list()))"
    pipe = subprocess.PIPE
    opening = [
        subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for _ in range(3)
    ]
    for process in opening:
        assert process.stdin is not None
        process.stdin.write("x")  # all have imported, or will soon: they start together
        process.stdin.flush()
    for process in opening:
        out, err = process.communicate()
        assert (out, process.returncode) == ("0\n", 0), err


def test_a_database_of_a_newer_version_is_left_alone(store: Store, home: Path) -> None:
    raw = sqlite3.connect(home / "runs.db")
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.commit()
    raw.close()
    with pytest.raises(RunError, match="revision 9999, which this version does not know"):
        Store.open()


@pytest.mark.parametrize("url", ["no address", "nothing://x/y", "sqlite:////proc/nowhere/runs.db"])
def test_an_address_that_cannot_be_used_is_one_sentence(url: str, home: Path) -> None:
    with pytest.raises(RunError, match=r"cannot be (used|opened|made)"):
        Store.open(url)


def test_a_file_that_is_no_database_is_one_sentence(home: Path) -> None:
    home.mkdir()
    (home / "runs.db").write_text("hello, I am a text file and not a database at all\n" * 40)
    with pytest.raises(RunError, match=r"cannot be opened \(file is not a database\)"):
        Store.open()


def test_runs_recorded_by_earlier_versions_can_still_be_read(home: Path) -> None:
    home.mkdir()
    raw = sqlite3.connect(home / "runs.db")
    raw.executescript((RECORDS / "0001.sql").read_text())
    raw.close()
    store = Store.open()
    (done,) = [run for run in store.list() if run.status == "done"]
    assert done.result == {
        "chain": "1b9e55b661264546425884966787f635ce0f606624b23a6993e996e87a09228a",
        "steps": 3,
        "resumed_at": 0,
    }
    assert done.id == "04e5eb908889", "the id by which it was known"
    found = store.find(done.spec)
    assert found is not None
    assert (found.id, found.status) == (done.id, "lost"), "the file that it kept is not there"
    assert [point["step"] for point in store.points(done.id, "chain")] == [1, 2, 3]
    store.close()


def test_everything_is_undone_when_a_transaction_fails(store: Store) -> None:
    database: Database = store._database
    with pytest.raises(ZeroDivisionError), database.writing() as connection:  # noqa: PT012 - it must fail inside
        connection.exec_driver_sql("DELETE FROM alembic_version")
        raise ZeroDivisionError
    Store.open().close()


def test_a_file_that_was_deleted_under_a_live_store_is_noticed(store: Store, home: Path) -> None:
    """Nothing is written to a file that nobody will ever read; a new one is begun."""
    spec = RunSpec(kind="selftest", study="none", fingerprint="0")
    lease = store.claim(store.submit(spec).id)
    for path in home.glob("runs.db*"):
        path.unlink()
    assert store.list() == ()
    with pytest.raises(LeaseLost):
        lease.report(0.5)
    assert store.submit(spec).status == "queued"
    other = Store.open()
    assert len(other.list()) == 1, "in the file that others open"
    other.close()


def test_a_file_that_was_replaced_under_a_live_store_is_the_one_that_is_used(
    store: Store, home: Path, tmp_path: Path
) -> None:
    """By a copy made earlier, say."""
    other = Store.open(home=tmp_path / "copy")
    other.submit(RunSpec(kind="selftest", study="none", fingerprint="0"))
    other.close()
    store.list()
    for path in home.glob("runs.db-*"):
        path.unlink()
    (tmp_path / "copy" / "runs.db").replace(home / "runs.db")
    assert len(store.list()) == 1


def test_a_driver_that_is_missing_is_named_with_what_brings_it(home: Path) -> None:
    with pytest.raises(RunError, match=r"driver 'pg8000'.*install mixed-precision-explorer\[postgresql\]"):
        Store.open("postgresql+pg8000://nobody@localhost/none")
