"""A store of its own for every test, and quick ways to ask it for the kind that tests the machinery."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer.runs import RunSpec, Store


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """EXPLORER_HOME, with a name that a careless address would stumble over."""
    folder = tmp_path / "a home 100%?"
    monkeypatch.setenv("EXPLORER_HOME", str(folder))
    monkeypatch.delenv("EXPLORER_DATABASE", raising=False)
    return folder


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
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
def wait() -> Callable[..., float]:
    """Wait until something holds; the seconds it took."""

    def until(condition: Callable[[], object], *, seconds: float = 30.0) -> float:
        start = time.monotonic()
        while not condition():
            assert time.monotonic() - start < seconds, f"did not happen within {seconds} s"
            time.sleep(0.02)
        return time.monotonic() - start

    return until


@pytest.fixture
def log_of(store: Store, wait: Callable[..., float]) -> Callable[[str, str], str]:
    """The log of a run once its last line is there: a worker writes that after it has recorded the end."""

    def read(run_id: str, last: str) -> str:
        log = store.log_path(run_id)
        wait(lambda: last in "".join(log.read_text().splitlines()[-1:]), seconds=10)
        return log.read_text()

    return read
