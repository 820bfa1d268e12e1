"""A store of its own for every test, and quick ways to ask it for the kind that tests the machinery."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer.runs import RunSpec, Store
from tests.runs.postgresql import Server, programs

PATIENCE = 600.0  # seconds


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """EXPLORER_HOME, with a name that a careless address would stumble over."""
    folder = tmp_path / "a home 100%?"
    monkeypatch.setenv("EXPLORER_HOME", str(folder))
    monkeypatch.delenv("EXPLORER_DATABASE", raising=False)
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server, started when a test first asks for it; such a test is skipped where there is none."""
    pytest.importorskip("psycopg", reason="the driver is not installed: pip install psycopg[binary]")
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL server is installed: apt install postgresql")
    server = Server(found)
    yield server
    server.end()


@pytest.fixture(autouse=True)
def database(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The kind of database that stores are in: SQLite, unless the module is marked with `postgresql.BOTH`."""
    kind: str = getattr(request, "param", "sqlite")
    if kind == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        monkeypatch.setenv("EXPLORER_DATABASE", server.new_database())
    return kind


@pytest.fixture
def store(home: Path, database: str) -> Iterator[Store]:
    opened = Store.open()
    yield opened
    opened.close()


@pytest.fixture
def spec() -> Callable[..., RunSpec]:
    """Make a selftest's spec from its parameters."""

    def make(*, kind: str = "selftest", seed: int = 0, **parameters: Any) -> RunSpec:
        return RunSpec(kind=kind, study="none", fingerprint="0", parameters=parameters, seed=seed)

    return make


@pytest.fixture
def wait() -> Callable[[Callable[[], object]], None]:
    """Wait until something holds, however slow the machine: the limit only ends what never will."""

    def until(condition: Callable[[], object]) -> None:
        start = time.monotonic()
        while not condition():
            assert time.monotonic() - start < PATIENCE, f"did not happen within {PATIENCE:.0f} s"
            time.sleep(0.02)

    return until


@pytest.fixture
def log_of(store: Store, wait: Callable[..., None]) -> Callable[[str, str], str]:
    """The log of a run once its last line is there: a worker writes that after it has recorded the end."""

    def read(run_id: str, last: str) -> str:
        log = store.log_path(run_id)
        wait(lambda: last in "".join(log.read_text().splitlines()[-1:]))
        return log.read_text()

    return read
