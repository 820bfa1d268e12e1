"""``python -m explorer app`` hands Streamlit the app, its settings and the studies of one's own."""

import runpy
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from streamlit import config

from explorer.cli import serving

from .conftest import Command, complaint

ROOT = Path(__file__).parents[2]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The arguments Streamlit would have been started with; it is not."""
    seen: list[list[str]] = []

    def run_module(name: str, **_: Any) -> None:
        assert name == "streamlit"
        seen.append(list(sys.argv))

    monkeypatch.setattr(runpy, "run_module", run_module)
    monkeypatch.setattr(sys, "argv", ["explorer"])
    return seen


def test_a_clone_starts_its_own_app_with_the_settings_as_flags(
    explore: Command, started: list[list[str]]
) -> None:
    """Flags go before a person's environment and files, so the app stays on loopback."""
    assert explore("app").status == 0
    [words] = started
    assert words[:3] == ["streamlit", "run", str(ROOT / "app.py")]
    assert words[-1] == "--"
    given = dict.fromkeys(words[3:-1:2])
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    del settings["theme"]
    assert list(given) == [f"--{section}.{name}" for section, named in settings.items() for name in named]
    pairs = list(zip(words[3:-1:2], words[4:-1:2], strict=True))
    assert ("--server.address", "127.0.0.1") in pairs
    assert [value for name, value in pairs if name == "--server.allowedHosts"] == ["127.0.0.1", "localhost"]
    assert ("--browser.gatherUsageStats", "false") in pairs


def test_every_setting_is_one_that_streamlit_knows() -> None:
    """An unknown flag would keep the server from starting, an unknown setting in a file is passed over."""
    options = serving.settings(ROOT / "app.py")
    known = config.get_config_options()
    assert [name for name in options if name not in known] == []


def test_studies_and_port_are_handed_on(explore: Command, started: list[list[str]], folder: Path) -> None:
    toml = folder / "study.toml"
    assert explore("app", "--port", 9000, "--study", folder, "--study", toml).status == 0
    [words] = started
    assert words[words.index("--server.port") + 1] == "9000"
    assert words.count("--server.port") == 1
    assert words[words.index("--") + 1 :] == ["--study", str(folder), "--study", str(toml)]


def test_a_study_that_is_not_there_is_said_before_anything_starts(
    explore: Command, started: list[list[str]]
) -> None:
    assert "nowhere" in complaint(explore("app", "--study", "no/nowhere"))
    assert started == []


def test_an_app_that_is_missing_is_a_sentence(
    explore: Command, started: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_PACKAGE", tmp_path / "explorer")
    assert "install the package again" in complaint(explore("app"))
    assert started == []
