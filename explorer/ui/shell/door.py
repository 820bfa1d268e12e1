"""The door of the app: the guard in front of Streamlit, who has come in, and the login by OpenID Connect.

A shared password, or a name in a class, is asked for by the guard, before Streamlit hears of a request. OpenID Connect is Streamlit's own:
its pages can be reached, and show nothing but the login.
"""

import os
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from explorer.access import login, persons
from explorer.access.guard import LOG_OUT, Gate, Guard
from explorer.access.persons import Person
from explorer.errors import AccessError

_GATES: list[Gate] = []  # of this server: one, once it has been guarded


def guarded() -> list[Middleware]:
    """What stands in front of the app: `Guard`, by Streamlit's settings and EXPLORER_LOGIN."""
    gate = Gate.of(
        os.environ,
        st.config.get_option("server.address"),
        st.config.get_option("server.allowedHosts"),
        st.config.get_option("server.baseUrlPath") or "",
    )
    gate.ahead = _pictures()
    if gate.refusal is not None:
        print(gate.refusal, flush=True)  # for whoever started it; browsers are shown the same
    _GATES[:] = [gate]
    return [Middleware(Guard, gate=gate)]


def person() -> Person:
    """Who is at the page."""
    gate = _gate()
    kind = "here" if gate is None else gate.login.kind
    if kind == "here":
        return persons.operator()
    if kind == "oidc":
        return Person(_claimed())
    if gate is not None and gate.login.by_form:
        return gate.person(st.context.cookies) or Person(None)
    return Person(None, operator=True)  # it was accepted that anyone may do anything


def enter() -> None:
    """Go on if the person may come in; otherwise draw why not, or the login, and end here.

    Raises:
        AccessError: the app runs without its guard where others could reach it.
    """
    gate = _gate()
    if gate is None:
        _alone()
    elif gate.login.kind == "oidc":
        _known(gate)


def who() -> None:
    """Name and way out, in the sidebar of an app that asks for a login."""
    gate = _gate()
    if gate is None or not (gate.login.by_form or gate.login.kind == "oidc"):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="who"):
        st.text(person().name or "guest")
        if gate.login.by_form:
            st.html(f'<a href="{gate.base}{LOG_OUT}" style="color: inherit">Log out</a>')
        elif st.button("Log out", type="tertiary"):
            st.logout()


def _pictures() -> tuple[str, ...]:
    """The script that draws charts, 5 MB, which Streamlit would ask for only when it comes to the first of them."""
    root = Path(st.__file__).parent / "static"
    return tuple(path.relative_to(root).as_posix() for path in root.glob("static/js/PlotlyChart.*.js"))


def _gate() -> Gate | None:
    return _GATES[0] if _GATES else None


def _alone() -> None:
    """Without the guard, as under a test or another server, the app is for this computer."""
    chosen = login.of_environment(os.environ)
    login.check(chosen, st.config.get_option("server.address"), st.config.get_option("server.allowedHosts"))
    if chosen.kind != "here":
        raise AccessError("The app's login works only where it is started with python -m explorer app.")


def _known(gate: Gate) -> None:
    if not st.user.get("is_logged_in", False):
        st.title("Mixed-precision explorer")
        st.write("This app is for its members.")
        if st.button("Log in", type="primary", icon=":material/login:"):
            st.login()
        st.stop()
    name = _claimed()
    if name is None or not gate.login.admits(name):
        st.title("Mixed-precision explorer")
        st.error("This account is not one of the members'; ask whoever runs the app.", icon=":material/lock:")
        if st.button("Log out"):
            st.logout()
        st.stop()


def _claimed() -> str | None:
    """The e-mail address that the provider vouches for."""
    email = st.user.get("email")
    unproven = st.user.get("email_verified", True) in (False, "false")
    return None if not email or unproven else str(email)
