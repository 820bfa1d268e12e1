"""Who is let in to the pages, and where nobody is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from explorer.access import persons
from explorer.access.guard import Gate
from explorer.access.login import Login
from explorer.access.persons import Person
from explorer.errors import AccessError
from explorer.runs.queue import Line, Queue
from explorer.ui.parts import run_panel
from explorer.ui.shell import caches, door
from tests.ui.conftest import PROFILE, ROOT, Opens


@pytest.fixture(autouse=True)
def no_gate() -> Iterator[None]:
    yield
    door._GATES.clear()


@pytest.fixture
def by_openid() -> None:
    door._GATES[:] = [
        Gate(Login("oidc", members=("*@example.org", "Ada@example.com")), ("explorer.example.org",))
    ]


@pytest.mark.parametrize("address", [None, "0.0.0.0", "::", "192.0.2.7"])
def test_pages_that_nothing_guards_refuse_other_computers(
    opens: Opens, monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    """Also where app.py is run without its guard, nothing but the refusal is drawn, on a linked page neither."""
    known = st.config.get_option
    monkeypatch.setattr(
        st.config, "get_option", lambda name: address if name == "server.address" else known(name)
    )
    for name in ("model", "frontier"):
        page = opens(name, study=PROFILE)
        assert not page.exception
        [said] = [each.value for each in page.error]
        assert "--password-file" in said
        assert not page.title
        assert not page.sidebar.children


def test_a_login_without_its_guard_opens_nothing(
    opens: Opens, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("correct horse battery\n")
    file.chmod(0o600)
    monkeypatch.setenv("EXPLORER_LOGIN", f"password:{file}")
    page = opens("model", study=PROFILE)
    assert "python -m explorer app" in page.error[0].value
    assert not page.title


def _as(user: dict[str, object], page: str = "frontier") -> AppTest:
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600)
    test.user = user
    test.query_params["study"] = PROFILE
    test.switch_page(f"pages/{page}.py")
    return test.run()


@pytest.mark.usefixtures("by_openid")
def test_who_is_not_logged_in_sees_the_login_alone() -> None:
    page = _as({"is_logged_in": False})
    assert [each.label for each in page.button] == ["Log in"]
    assert not page.sidebar.selectbox


@pytest.mark.usefixtures("by_openid")
@pytest.mark.parametrize(
    "user",
    [
        {"email": "eve@example.com"},
        {"email": "eve@evil.example"},
        {"email": "eve@example.org", "email_verified": False},
        {"email": ""},
        {"name": "ada@example.com"},
    ],
)
def test_an_account_that_is_no_members_is_refused(user: dict[str, object]) -> None:
    """At a public provider anybody has an account, with any name, and an address that nobody has checked."""
    page = _as({"is_logged_in": True, **user})
    assert "not one of the members" in page.error[0].value
    assert not page.sidebar.selectbox


@pytest.mark.usefixtures("by_openid")
def test_a_member_comes_in_and_is_named() -> None:
    page = _as({"is_logged_in": True, "email": "ada@example.com"})
    assert not page.error
    assert page.title[0].value == "Frontier"
    assert "ada@example.com" in [each.value for each in page.sidebar.text]


@pytest.mark.usefixtures("settled")
def test_a_run_has_the_name_of_who_asked_and_only_they_cancel_or_continue_it(
    opens: Opens, toml: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening a study asks for its accuracy; another member sees the run at work and changes nothing about it."""
    monkeypatch.setattr(door, "person", lambda: Person("Ada"))
    opens("model", study=toml)
    [run] = caches.store().live()
    assert run.owner == "Ada"
    monkeypatch.setattr(Queue, "line", lambda _: Line((), ()))  # as if it were at work
    key = f"cancel-{run.id}"
    for name, may in (("Bob", False), ("Ada", True)):
        monkeypatch.setattr(door, "person", lambda name=name: Person(name))
        page = opens("model", study=toml)
        assert page.button(key=key).disabled is not may
    page.button(key=key).click().run()
    assert caches.store().get(run.id).status == "cancelled"
    monkeypatch.setattr(door, "person", lambda: Person("Bob"))
    with pytest.raises(AccessError, match="Ada; only they, or whoever runs this app, may continue it"):
        run_panel.resume(run.id)
    assert caches.store().get(run.id).status == "cancelled"


def test_on_this_computer_everybody_is_the_operator(opens: Opens) -> None:
    page = opens("model", study=PROFILE)
    assert not page.error
    assert not page.sidebar.text
    assert door.person() == persons.operator()


def test_the_script_of_charts_that_a_page_names_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit gives it another name with every release."""
    monkeypatch.setattr(door, "_GATES", [])
    [guard] = door.guarded()
    [script] = guard.kwargs["gate"].ahead  # type: ignore[attr-defined]
    assert (Path(st.__file__).parent / "static" / script).is_file()
