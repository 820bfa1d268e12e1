"""``python -m explorer app`` hands Streamlit the app, its settings and the studies of one's own."""

import os
import runpy
import sys
import tomllib
from itertools import pairwise
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
    assert set(given) == {
        f"--{section}.{name}"
        for section, named in settings.items()
        for name, value in named.items()
        if value != []
    }
    pairs = list(zip(words[3:-1:2], words[4:-1:2], strict=True))
    assert ("--server.address", "127.0.0.1") in pairs
    assert [value for name, value in pairs if name == "--server.allowedHosts"] == ["127.0.0.1", "localhost"]
    assert ("--browser.gatherUsageStats", "false") in pairs


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("correct horse battery\n")
    path.chmod(0o600)
    return path


@pytest.fixture(autouse=True)
def no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test chooses is not there in the next."""
    monkeypatch.setenv("EXPLORER_LOGIN", "")


def given(words: list[str], name: str) -> list[str]:
    return [value for flag, value in pairwise(words) if flag == f"--{name}"]


@pytest.mark.parametrize("reach", [("--address", "0.0.0.0", "--host", "a.example"), ("--host", "a.example"),
                                   ("--address", "192.0.2.7"), ("--address", "::", "--host", "a.example")])  # fmt: skip
def test_others_are_answered_only_with_a_login_or_an_acceptance(
    explore: Command, started: list[list[str]], password: Path, reach: tuple[str, ...]
) -> None:
    """A forgotten option opens nothing; every way out is named, and what it means."""
    said = complaint(explore("app", *reach))
    for words in ("--password-file", "--member", "--without-login", "start, stop and delete computations"):
        assert words in said
    assert started == []
    logins = (
        ("--password-file", password),
        ("--member", "*@example.org"),
        ("--without-login",),
        ("--class",),
    )
    for login in logins:
        assert explore("app", *reach, *login).status == 0
    assert len(started) == len(logins)


def test_names_and_login_are_handed_on(explore: Command, started: list[list[str]], password: Path) -> None:
    """Streamlit checks the names on its WebSocket, the guard everywhere; the guard reads the login."""
    command = ("app", "--address", "0.0.0.0", "--host", "a.example", "--host", "b.example")
    assert explore(*command, "--password-file", password).status == 0
    [words] = started
    assert given(words, "server.address") == ["0.0.0.0"]
    assert given(words, "server.allowedHosts") == ["a.example", "b.example", "127.0.0.1", "localhost"]
    assert given(words, "browser.serverAddress") == ["a.example"]
    assert os.environ["EXPLORER_LOGIN"] == f"password:{password}"
    assert explore(*command, "--class").status == 0
    assert os.environ["EXPLORER_LOGIN"] == "class"
    assert explore(*command, "--class", "--password-file", password).status == 0
    assert os.environ["EXPLORER_LOGIN"] == f"class:{password}"


def test_every_address_needs_a_name(explore: Command, started: list[list[str]]) -> None:
    """Without one the app would refuse everybody by their Host header."""
    assert "--host NAME" in complaint(explore("app", "--address", "0.0.0.0", "--without-login"))
    assert started == []


def test_one_login_is_chosen(explore: Command, started: list[list[str]], password: Path) -> None:
    for one in (("--password-file", password), ("--class",)):
        assert "one of" in complaint(explore("app", *one, "--without-login"))
    assert started == []


def test_a_password_file_that_others_can_read_is_refused(
    explore: Command, started: list[list[str]], password: Path
) -> None:
    password.chmod(0o644)
    assert "chmod 600" in complaint(explore("app", "--password-file", password))
    assert started == []


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


def test_how_many_runs_work_and_for_how_long_is_told_to_the_workers(
    explore: Command, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the environment, which the app's process hands on; a mistake is said before anything starts."""
    for name in ("EXPLORER_WORKERS", "EXPLORER_TIME_LIMIT"):
        monkeypatch.setenv(name, "")
    assert explore("app", "--workers", "3", "--time-limit", "2h").status == 0
    assert (os.environ["EXPLORER_WORKERS"], os.environ["EXPLORER_TIME_LIMIT"]) == ("3", "2h")
    assert "--time-limit is 'soon'" in complaint(explore("app", "--time-limit", "soon"))
    assert len(started) == 1
