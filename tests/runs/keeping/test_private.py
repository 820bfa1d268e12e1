"""A store is its owner's, however wide the process's mask or an earlier version was."""

import os
import stat
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
