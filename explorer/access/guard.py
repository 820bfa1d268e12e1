"""The guard in front of every request, the WebSocket included: host, origin, login, and what browsers are told.

Streamlit checks the Host header of its WebSocket alone, takes pages of every port of this computer for its own, and
knows no password; so a request comes to it only after this. The guard is plain ASGI.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from explorer.access import addresses, letters, login, password, persons, promptness
from explorer.access.login import Login
from explorer.access.password import Attempts
from explorer.access.persons import Person
from explorer.access.sessions import LASTS, Session, Sessions
from explorer.errors import AccessError

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "explorer_session"
LOG_IN, LOG_OUT, HEALTH = "/login", "/logout", "/_stcore/health"
_LONGEST_FORM, _LONGEST_NAME = 8192, 80  # bytes, characters
_IN_ADDRESSES = "/?&=%:@!$'()*+,;~"  # what stays as it is where a person is sent on

# Nothing is loaded from elsewhere, whatever a page shows; Streamlit's own code needs eval (Plotly, Vega) and blobs.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob: data:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass
class Gate:
    """What the guard goes by, and who is inside; the pages ask it who somebody is.

    Attributes:
        hosts: the names by which the app may be addressed.
        refusal: why nobody is let in at all; None if somebody is.
        base: path under which the app is, without a slash at its end.
        ahead: scripts, by their paths under the base, that every page comes to need; a browser is told of them with the
            page, so that it has them when the page asks.
    """

    login: Login
    hosts: tuple[str, ...]
    base: str = ""
    refusal: str | None = None
    ahead: tuple[str, ...] = ()
    sessions: Sessions = field(default_factory=Sessions)
    attempts: Attempts = field(default_factory=Attempts)

    @classmethod
    def of(
        cls, environment: Mapping[str, str], address: str | None, hosts: list[str], base: str = ""
    ) -> "Gate":
        """The gate of a server; what stands against opening it is its ``refusal``."""
        named = tuple(each.lower().rstrip(".") for each in hosts) or addresses.HERE
        path = f"/{base.strip('/')}".rstrip("/")
        try:
            chosen = login.of_environment(environment)
            login.check(chosen, address, named)
        except AccessError as error:
            return cls(Login(), named, path, refusal=str(error))
        return cls(chosen, named, path)

    def person(self, cookies: Mapping[str, str]) -> Person | None:
        """Whom a session's cookie names, or None."""
        session = self.sessions.find(cookies.get(COOKIE, ""))
        return None if session is None else session.person


class Guard:
    """ASGI middleware that lets a request through, or answers it itself."""

    def __init__(self, app: Application, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            promptness.hurry()  # the server starts: it has bound its socket and accepted nobody
            await self._app(scope, receive, send)
            return
        request = _Request(scope, receive, send, self._gate.base, self._gate.ahead)
        words = self._turned_away(request)
        if words is not None:
            await request.refuse(*words)
        elif not self._gate.login.by_form or request.path == HEALTH:
            await self._app(scope, receive, request.send)
        else:
            await self._with_form(request)

    def _turned_away(self, request: "_Request") -> tuple[int, str, str] | None:
        """Why a request is turned away whoever sends it: status, title, words."""
        if self._gate.refusal is not None:
            return 403, "This app is not open", self._gate.refusal
        host = request.header("host")
        name = addresses.host_of(host)
        if name is None or name not in self._gate.hosts:
            return (
                400,
                "Not a name of this app",
                f"The app answers to {', '.join(self._gate.hosts)}, not to {host[:200]!r}; whoever runs it can add "
                "a name with --host NAME.",
            )
        listens = str((request.scope.get("server") or ("",))[0])
        if self._gate.login.kind == "here" and listens and not addresses.is_loopback(listens):
            return 403, "This app is not open", "This app answers the computer that it runs on, and no other."
        origin = request.header("origin")
        changes = request.scope["type"] == "websocket" or request.scope["method"] not in ("GET", "HEAD")
        if origin and changes and not addresses.same_authority(origin, host):
            return 403, "Another page asked", "A page of another address may not use this app."
        return None

    async def _with_form(self, request: "_Request") -> None:
        token = request.cookie(COOKIE)
        session = self._gate.sessions.find(token)
        if request.scope["type"] == "websocket":
            if session is None:
                await request.refuse(401, "Log in first", "")
            else:
                await self._app(request.scope, _until_ended(request, session), request.send)
        elif request.path == LOG_IN and request.scope["method"] == "POST":
            await self._log_in(request)
        elif request.path == LOG_OUT:
            self._gate.sessions.end(token)
            await request.redirect(f"{self._gate.base}/", cookie=request.set_cookie("", 0))
        elif session is not None:
            await self._app(request.scope, request.receive, request.send)
        elif "text/html" in request.header("accept") and request.scope["method"] == "GET":
            await request.answer(401, self._letter(request.address()))
        else:
            await request.refuse(401, "Log in first", "Open the app's first page to log in.")

    def _letter(self, onward: str, complaint: str = "") -> str:
        """The form, which asks for what this gate goes by."""
        login = self._gate.login
        asked = {"password": login.file is not None, "named": login.kind == "class"}
        return letters.login(f"{self._gate.base}{LOG_IN}", onward, complaint, **asked)

    async def _log_in(self, request: "_Request") -> None:
        form = await request.form()
        onward = form.get("onward", "")
        if self._gate.login.file is not None and not await self._knows(self._gate.login.file, form, request):
            return
        name = " ".join(form.get("name", "").split())[:_LONGEST_NAME]
        complaint = self._against(name)
        if complaint:
            await request.answer(401, self._letter(onward, complaint))
            return
        token = self._gate.sessions.begin(Person(name or persons.GUEST))
        inside = onward.startswith("/") and not onward.startswith(("//", "/\\"))
        where = quote(onward, safe=_IN_ADDRESSES) if inside else f"{self._gate.base}/"
        await request.redirect(where, cookie=request.set_cookie(token, int(LASTS)))

    async def _knows(self, file: Path, form: Mapping[str, str], request: "_Request") -> bool:
        """Whether a form holds the password; otherwise the request is answered."""
        onward = form.get("onward", "")
        wait = self._gate.attempts.wait(request.client)
        if wait > 0:
            words = f"Too many wrong passwords; try again in {max(1, round(wait / 60))} min."
            await request.answer(429, self._letter(onward, words))
            return False
        try:
            right = password.matches(form.get("password", ""), password.read(file))
        except AccessError as error:
            await request.refuse(500, "The password cannot be read", str(error))
            return False
        if not right:
            self._gate.attempts.failed(request.client)
            await request.answer(401, self._letter(onward, "That is not the password."))
        return right

    def _against(self, name: str) -> str:
        """What stands against a name; nothing if it may be used, and in a class is theirs from now on."""
        if name == persons.system_user():
            return f"{name} is the name of whoever runs this app; give another."
        if self._gate.login.kind != "class":
            return ""
        if not name or name == persons.GUEST:
            return "Give a name, which stands beside the computations you start."
        if not self._gate.sessions.reserve(name):
            return f"Somebody came as {name} already; give another name, with an initial or a number."
        return ""


@dataclass
class _Request:
    scope: Scope
    receive: Receive
    _send: Send
    base: str
    ahead: tuple[str, ...] = ()
    _closed: bool = False

    @property
    def path(self) -> str:
        return str(self.scope["path"]).removeprefix(self.base)

    @property
    def client(self) -> str:
        return str((self.scope.get("client") or ("unknown",))[0])

    def header(self, name: str) -> str:
        """The value of a header, empty if it is not there; of several the last."""
        found = [value for key, value in self.scope["headers"] if key == name.encode()]
        return bytes(found[-1]).decode("latin-1") if found else ""

    def cookie(self, name: str) -> str:
        try:
            found = SimpleCookie(self.header("cookie")).get(name)
        except CookieError:
            return ""
        return "" if found is None else found.value

    def address(self) -> str:
        """Path and query as they were asked for."""
        query = bytes(self.scope.get("query_string", b"")).decode("latin-1")
        return f"{quote(self.scope['path'])}{'?' if query else ''}{query}"

    def set_cookie(self, value: str, lasts: int) -> str:
        secure = "; Secure" if self.scope.get("scheme") in ("https", "wss") else ""
        return f"{COOKIE}={value}; Path={self.base}/; Max-Age={lasts}; HttpOnly; SameSite=Lax{secure}"

    async def form(self) -> dict[str, str]:
        """The fields of a form that was sent; empty where it is longer than any that this app has."""
        body = b""
        while True:
            message = await self.receive()
            body += message.get("body", b"")
            if message["type"] != "http.request" or len(body) > _LONGEST_FORM:
                return {}
            if not message.get("more_body"):
                break
        try:
            fields = parse_qs(body.decode("latin-1"), keep_blank_values=True, max_num_fields=20)
        except ValueError:  # more fields
            return {}
        return {name: values[-1] for name, values in fields.items()}

    async def send(self, message: Message) -> None:
        """Send what the app says, with the headers that every answer has; nothing once the connection is closed."""
        if self._closed:
            return
        self._closed = message["type"] == "websocket.close"
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            there = {bytes(key).lower() for key, _ in headers}
            headers += [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in there]
            if any(k.lower() == b"content-type" and v.startswith(b"text/html") for k, v in headers):
                headers += [(b"link", self._told(script).encode()) for script in self.ahead]
            message = {**message, "headers": headers}
        await self._send(message)

    def _told(self, script: str) -> str:
        return f"<{self.base}/{script}>; rel=modulepreload; crossorigin"

    async def refuse(self, status: int, title: str, words: str) -> None:
        if self.scope["type"] == "websocket":
            await self.receive()  # what it says first, that it wants to connect
            await self._send({"type": "websocket.close", "code": 1008})
        else:
            await self.answer(status, letters.refusal(title, words))

    async def answer(self, status: int, text: str, *more: tuple[str, str]) -> None:
        body = text.encode()
        headers = [
            ("content-type", "text/html; charset=utf-8"),
            ("content-length", str(len(body))),
            ("cache-control", "no-store"),
            *more,
        ]
        coded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers]
        await self.send({"type": "http.response.start", "status": status, "headers": coded})
        await self.send({"type": "http.response.body", "body": body})

    async def redirect(self, where: str, *, cookie: str) -> None:
        await self.answer(303, "", ("location", where), ("set-cookie", cookie))


def _until_ended(request: _Request, session: Session) -> Receive:
    """What a browser says on its WebSocket, until its session ends: then the connection is closed."""

    async def receive() -> Message:
        hearing = asyncio.ensure_future(request.receive())
        ending = asyncio.ensure_future(session.ended.wait())
        try:
            await asyncio.wait({hearing, ending}, return_when=asyncio.FIRST_COMPLETED)
            if hearing.done():
                return hearing.result()
            await request.send({"type": "websocket.close", "code": 1008})
            return {"type": "websocket.disconnect", "code": 1008}
        finally:
            hearing.cancel()
            ending.cancel()

    return receive
