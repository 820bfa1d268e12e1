"""A redraw of the Frontier page reads the store once and parses nothing twice."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from explorer.curvature import Traces
from explorer.runs import Store
from explorer.studies import toml as study_toml
from tests.ui.conftest import Opens
from tests.ui.shell.test_pages import PLAN, sound

pytestmark = pytest.mark.usefixtures("settled", "lived_in_home")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the store was read, traces and descriptions were parsed; the list of running computations apart."""
    counted: Counter[str] = Counter()

    def watched(owner: Any, name: str, what: str) -> None:
        original = getattr(owner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            counted[what] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, call)

    for name in ("list", "find", "get"):
        watched(Store, name, "store")
    watched(Store, "live", "running")
    watched(Traces, "from_json", "traces")
    watched(study_toml, "read_description", "descriptions")
    return counted


def test_a_redraw_reads_the_store_once(opens: Opens, toml: str, calls: Counter[str]) -> None:
    """It was read four times, the traces parsed three times and study.toml six times."""
    shown = sound(opens("frontier", study=toml, plan=PLAN))
    calls.clear()
    sound(shown.run())
    assert calls == {"store": 1, "running": 1}


def test_a_changed_description_is_read_again(tmp_path: Path) -> None:
    """What is kept of a study.toml holds as long as the file does."""
    path = tmp_path / "study.toml"
    text = 'name = "{}"\nkind = "profile"\n[profile]\npath = "profile.json"\n'
    path.write_text(text.format("before"), encoding="utf-8")
    assert study_toml.described(path) is study_toml.described(path)
    path.write_text(text.format("afterwards"), encoding="utf-8")
    assert study_toml.described(path).name == "afterwards"
