"""What every test shares: a home of its own, and the data folder where there is one."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from explorer import places

# A process that a shell starts in the background ignores Ctrl-C, and tests of it would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# One thread in every process, set before torch is imported: equal to the bit holds for equal numbers of threads,
# small tensors gain nothing from more, and threads that wait for one another on a busy machine lose a lot.
os.environ["OMP_NUM_THREADS"] = "1"

# Machines that test are shared and slow at times, so a slow example is no failure; in CI the examples are the
# same every time, so that a red run is the change's doing.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark attacks and what needs a browser or the data folder, so that no test has to remember to."""
    here = Path(__file__).parent
    for item in items:
        for folder, marker in (("e2e", "browser"), ("reliability", "reliability")):
            if here / folder in item.path.parents:
                item.add_marker(marker)
        if "data_folder" in getattr(item, "fixturenames", ()):
            item.add_marker("data")


@pytest.fixture(autouse=True)
def explorer_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home for this test alone: no test reads or writes the runs of the person who runs it.

    As many runs may work at once on every machine; a test of the queue says how many it wants. Nothing is there that a
    test has not made: results that come with the project are given only where a test asks for them.
    """
    home = tmp_path / "explorer-home"
    monkeypatch.setenv("EXPLORER_WORKERS", "4")
    monkeypatch.setenv("EXPLORER_SHIPPED", "no")
    monkeypatch.setenv("EXPLORER_HOME", str(home))
    monkeypatch.delenv("EXPLORER_DATABASE", raising=False)
    return home


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder that EXPLORER_DATA names; a test that asks for it is skipped where there is none."""
    folder = places.operator_data()
    if folder is None:
        pytest.skip("EXPLORER_DATA names no folder")
    if not folder.is_dir():
        pytest.fail(f"EXPLORER_DATA names {folder}, which is not a folder; correct it or unset it")
    return folder
