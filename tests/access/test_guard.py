"""Nobody passes the guard by another name, from another page, or without the password."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from explorer.access import password, persons
from explorer.access.guard import COOKIE, HEADERS, Gate, Guard, Scope
from explorer.access.persons import Person

PASSWORD = "correct horse battery"
HTML = {"accept": "text/html"}
HERE = "http://127.0.0.1:8501"
STREAM = "ws://127.0.0.1:8501/_stcore/stream"


async def app(scope: Scope, receive: Any, send: Any) -> None:
    """What the guard stands in front of: says where it is, and repeats what it hears."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["type"] == "http":
        kind = b"text/javascript" if scope["path"].endswith(".js") else b"text/html; charset=utf-8"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": scope["path"].encode()})
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (said := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": said["text"]})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)
    return path


def gate_of(address: str | None = "127.0.0.1", *hosts: str, login: str = "", base: str = "") -> Gate:
    return Gate.of({"EXPLORER_LOGIN": login}, address, [*hosts, "127.0.0.1", "localhost"], base)


def browser(gate: Gate, at: str = HERE) -> TestClient:
    return TestClient(Guard(app, gate), base_url=at, follow_redirects=False)


@pytest.fixture
def gate(file: Path) -> Gate:
    return gate_of(login=f"password:{file}")


@pytest.fixture
def inside(gate: Gate) -> Iterator[TestClient]:
    """A browser that has logged in as Ada."""
    with browser(gate) as client:
        client.post("/login", data={"password": PASSWORD, "name": "Ada"})
        yield client


@pytest.mark.parametrize(
    "path", ["/", "/_stcore/health", "/_stcore/metrics", "/_stcore/host-config", "/static/a.js"]
)
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8501", "a@127.0.0.1", "", "[::"]
)
def test_another_name_is_refused_at_every_address(path: str, host: str) -> None:
    """A page elsewhere that lets its own name point here (DNS rebinding) reads nothing, not only on the WebSocket."""
    answer = browser(gate_of()).get(path, headers={"host": host})
    assert answer.status_code == 400
    assert "--host" in answer.text


def test_the_names_of_the_app_are_answered() -> None:
    client = browser(gate_of("127.0.0.1", "Explorer.example.org", login="none"))
    for host in ("127.0.0.1:8501", "localhost", "explorer.example.org", "EXPLORER.example.org:443"):
        assert client.get("/a", headers={"host": host}).text == "/a"


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:9999", "http://localhost:8501", "https://evil.example", "null", "http://["]
)
def test_a_page_of_another_address_opens_no_connection_and_changes_nothing(origin: str) -> None:
    """Another program's page on another port of this computer is not the app's own."""
    client = browser(gate_of())
    assert client.post("/_stcore/upload_file", headers={"origin": origin}).status_code == 403
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(STREAM, headers={"origin": origin}),
    ):
        pass


def test_the_apps_own_page_connects() -> None:
    client = browser(gate_of())
    with client.websocket_connect(STREAM, headers={"origin": HERE, "host": "127.0.0.1:8501"}) as socket:
        socket.send_text("a")
        assert socket.receive_text() == "a"


def test_every_answer_forbids_frames_and_what_is_elsewhere() -> None:
    """No other page shows the app in a frame, and no name on a page fetches a picture from its author."""
    for client in (browser(gate_of()), browser(gate_of("0.0.0.0"))):
        answer = client.get("/")
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "frame-ancestors 'none'" in HEADERS["content-security-policy"]
    assert "img-src 'self' data: blob:;" in HEADERS["content-security-policy"]


def test_a_page_names_the_script_of_its_charts_and_a_script_names_none() -> None:
    """Else the browser asks for it only when it comes to the first chart."""
    gate = gate_of(base="under")
    gate.ahead = ("static/js/charts.js",)
    client = browser(gate)
    told = client.get("/under/", headers=HTML).headers["link"]
    assert told == "</under/static/js/charts.js>; rel=modulepreload; crossorigin"
    assert "link" not in client.get("/under/static/js/charts.js").headers


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.0.2.7", "explorer.example.org"])
def test_an_open_address_without_a_login_shows_a_refusal_and_nothing_else(address: str | None) -> None:
    """Also where Streamlit was started by hand: every address is answered by what to do."""
    client = browser(gate_of(address))
    answer = client.get("/frontier", headers=HTML)
    assert answer.status_code == 403
    for words in ("--password-file", "--member", "--without-login", "docs/serving.md"):
        assert words in answer.text
    assert client.get("/_stcore/health").status_code == 403
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(STREAM):
        pass


def test_a_name_that_is_not_of_this_computer_needs_a_login_too() -> None:
    """Behind a proxy the address is a loopback one, and others come in all the same."""
    assert gate_of("127.0.0.1", "explorer.example.org").refusal is not None
    assert gate_of("127.0.0.1", "explorer.example.org", login="none").refusal is None
    assert gate_of("127.0.0.1", "127.0.0.2", "[::1]").refusal is None


def test_a_server_that_listens_elsewhere_than_its_settings_say_answers_this_computer_alone() -> None:
    """``uvicorn app:app --host 0.0.0.0`` does not ask Streamlit's settings."""
    answers = []

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": "http", "method": "GET", "path": "/", "server": ("192.0.2.7", 8501), "client": ("192.0.2.9", 4000),
        "headers": [(b"host", b"127.0.0.1:8501")],
    }  # fmt: skip
    asyncio.run(Guard(app, gate_of())(scope, None, send))  # type: ignore[arg-type]
    assert answers[0]["status"] == 403


@pytest.mark.parametrize("login", ["password", "oidc:", "guess", "password:/nowhere/at/all"])
def test_a_login_that_cannot_work_opens_nothing(login: str) -> None:
    assert browser(gate_of(login=login)).get("/").status_code == 403


def test_without_the_password_there_is_a_form_and_nothing_behind_it(gate: Gate) -> None:
    client = browser(gate)
    page = client.get("/frontier?study=a&block=<b>", headers=HTML)
    assert page.status_code == 401
    assert "/frontier?study=a&amp;block=" in page.text
    assert "<b>" not in page.text
    for path in ("/static/a.js", "/media/a.png", "/_stcore/metrics", "/_stcore/host-config"):
        assert client.get(path).status_code == 401
    assert client.get("/_stcore/health").status_code == 200  # says only that it is there
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(STREAM):
        pass


def test_the_right_password_lets_in_to_where_one_wanted(gate: Gate) -> None:
    client = browser(gate)
    answer = client.post(
        "/login", data={"password": PASSWORD, "name": " Ada\n L. ", "onward": "/frontier?a=ö"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/frontier?a=%C3%B6")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert client.get("/frontier").text == "/frontier"
    assert gate.person(dict(client.cookies)) == Person("Ada L.")


def test_over_tls_the_cookie_stays_with_tls(gate: Gate) -> None:
    answer = browser(gate, "https://127.0.0.1").post("/login", data={"password": PASSWORD})
    assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "onward", ["https://evil.example", "//evil.example", "/\\evil.example", "", "a\r\nX-A: b"]
)
def test_a_login_leads_nowhere_else(gate: Gate, onward: str) -> None:
    answer = browser(gate).post("/login", data={"password": PASSWORD, "onward": onward})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("given", ["", "wrong", PASSWORD + "x", PASSWORD[:-1], "ö" * 30])
def test_a_wrong_password_lets_nobody_in(gate: Gate, given: str) -> None:
    client = browser(gate)
    answer = client.post("/login", data={"password": given})
    assert answer.status_code == 401
    assert "not the password" in answer.text
    assert COOKIE not in client.cookies


def test_many_wrong_passwords_have_to_wait_even_with_the_right_one(gate: Gate) -> None:
    client = browser(gate)
    for _ in range(password.TRIES):
        assert client.post("/login", data={"password": "wrong"}).status_code == 401
    answer = client.post("/login", data={"password": PASSWORD})
    assert answer.status_code == 429
    assert "try again in" in answer.text


def test_a_form_of_any_size_is_read_no_further_than_a_login_goes(gate: Gate) -> None:
    client = browser(gate)
    assert client.post("/login", content=b"password=" + b"x" * 10_000_000).status_code == 401
    assert client.post("/login", content=b"&".join(b"a=1" for _ in range(1000))).status_code == 401


def test_another_page_cannot_log_a_person_in(gate: Gate) -> None:
    answer = browser(gate).post(
        "/login", data={"password": PASSWORD}, headers={"origin": "https://evil.example"}
    )
    assert answer.status_code == 403


def test_the_operators_name_is_not_for_others(gate: Gate) -> None:
    """Whoever bears it may end and delete what the operator started from the command line."""
    name = persons.system_user()
    assert name is not None
    client = browser(gate)
    assert "give another" in client.post("/login", data={"password": PASSWORD, "name": name}).text
    assert COOKIE not in client.cookies


def test_logging_out_ends_the_session_and_its_connections(gate: Gate, inside: TestClient) -> None:
    token = inside.cookies[COOKIE]
    with inside.websocket_connect(STREAM) as socket:
        socket.send_text("a")
        assert socket.receive_text() == "a"
        assert inside.get("/logout").status_code == 303
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    assert gate.sessions.find(token) is None
    assert inside.get("/", headers={"cookie": f"{COOKIE}={token}"}).status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", "x" * 5000, '"', "\\", "a=b"])
def test_a_made_up_cookie_is_nobody(gate: Gate, cookie: str) -> None:
    assert browser(gate).get("/", headers={"cookie": f"{COOKIE}={cookie}"}).status_code == 401


def test_the_login_lies_under_the_apps_own_path(file: Path) -> None:
    client = browser(gate_of(login=f"password:{file}", base="explorer"))
    assert 'action="/explorer/login"' in client.get("/explorer/", headers=HTML).text
    answer = client.post("/explorer/login", data={"password": PASSWORD})
    assert answer.headers["location"] == "/explorer/"
    assert "Path=/explorer/" in answer.headers["set-cookie"]


def test_a_changed_password_holds_at_once(gate: Gate, file: Path) -> None:
    file.write_text("another long password\n")
    os.chmod(file, 0o644)
    answer = browser(gate).post("/login", data={"password": PASSWORD})
    assert answer.status_code == 500
    assert "chmod 600" in answer.text
    os.chmod(file, 0o600)
    assert browser(gate).post("/login", data={"password": PASSWORD}).status_code == 401


@pytest.mark.parametrize("again", ["Ada", " ada ", "A\u200bda", "ＡＤＡ"])
def test_a_name_in_a_class_is_one_persons_even_after_they_logged_out(again: str) -> None:
    """Else whoever comes next under it could stop what the first left at work."""
    gate = gate_of("0.0.0.0", "class.example.org", login="class")
    ada, other = (browser(gate, "http://class.example.org") for _ in range(2))
    assert "password" not in ada.get("/", headers=HTML).text.lower(), "a name is all that is asked for"
    assert ada.post("/login", data={"name": "Ada"}).status_code == 303
    assert gate.person(dict(ada.cookies)) == Person("Ada"), "a student, who is no operator"
    for _ in range(2):
        assert "Somebody came as" in other.post("/login", data={"name": again}).text
        assert COOKIE not in other.cookies
        ada.get("/logout")
    assert other.post("/login", data={"name": "Ada B."}).status_code == 303


@pytest.mark.parametrize("name", ["", "  ", "guest", persons.system_user() or ""])
def test_nobody_is_in_a_class_without_a_name_of_their_own(name: str) -> None:
    client = browser(gate_of(login="class"))
    assert client.post("/login", data={"name": name}).status_code == 401
    assert client.get("/").status_code == 401


def test_a_class_may_have_a_password_and_a_wrong_one_takes_no_name(file: Path) -> None:
    gate = gate_of(login=f"class:{file}")
    client = browser(gate)
    assert client.post("/login", data={"name": "Ada", "password": "wrong"}).status_code == 401
    assert client.post("/login", data={"name": "Ada", "password": PASSWORD}).status_code == 303
