"""A store is its owner's, however wide the process's mask or an earlier version was."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from explorer.jobs import execute
from explorer.runs import RunSpec, Store

Specs = Callable[..., RunSpec]


@pytest.fixture
def _wide() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def wider(home: Path) -> dict[str, str]:
    """What others could do something with."""
    modes = {path: path.stat().st_mode for path in (home, *home.rglob("*"))}
    return {path.name: stat.filemode(mode) for path, mode in modes.items() if mode & 0o077}


@pytest.mark.usefixtures("_wide")
def test_nobody_else_can_read_a_store(home: Path, spec: Specs) -> None:
    store = Store.open()
    execute(store, spec(steps=2))
    assert (home / "runs.db-wal").exists()
    assert wider(home) == {}
    store.close()


def test_an_earlier_store_is_narrowed(home: Path, spec: Specs) -> None:
    store = Store.open()
    execute(store, spec(steps=2))
    store.close()
    (home / "logs").mkdir(exist_ok=True)
    (home / "logs" / "x.log").write_text("said")
    for path in (home, home / "runs.db", home / "logs", home / "logs" / "x.log", home / "artifacts"):
        path.chmod(0o755)
    Store.open().close()
    assert wider(home) == {}


def test_a_folder_that_others_share_is_left_alone(home: Path) -> None:
    """Such as the folder of temporary files: only what is the store's in it is narrowed."""
    home.mkdir()
    home.chmod(0o1777)
    for _ in "ab":
        Store.open().close()
    assert stat.S_IMODE(home.stat().st_mode) == 0o1777
    assert stat.S_IMODE((home / "runs.db").stat().st_mode) == 0o600


def test_opening_a_store_again_keeps_the_locks_of_the_first(home: Path, spec: Specs) -> None:
    """A lock of POSIX ends when its process closes the file, however often it has it open (SQLite, "How to corrupt").

    Another process, the last one as far as it can see, would then take the write-ahead log away, and this one would
    meet "disk I/O error", or write to what nobody reads.
    """
    store = Store.open()
    store.submit(spec(seed=1))
    Store.open().close()
    other = "from explorer.runs import RunSpec, Store; import sys; store = Store.open(); "
    other += "store.submit(RunSpec.model_validate_json(sys.argv[1])); store.close()"
    subprocess.run([sys.executable, "-c", other, spec(seed=2).model_dump_json()], check=True)
    assert (home / "runs.db-wal").exists(), "this store is still open"
    assert len(store.list()) == 2
    store.close()
