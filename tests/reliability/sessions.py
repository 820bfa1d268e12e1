"""Sessions of the app without a browser: Streamlit's own messages over a WebSocket, as its page sends them.

A browser takes more of two cores than the server it is to measure. A `Session` speaks to the server as the page does:
it asks for a run of the script, tells which messages it has kept, runs fragments again at the intervals the server
tells, and gives widgets the values that a person would. What it leaves out is the drawing.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from streamlit.components.v2.bidi_component.constants import EVENT_DELIM
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Slider_pb2 import Slider
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX
from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 120.0  # seconds that an answer is waited for; beyond it the session is an error
CHOICES = ("button_group", "checkbox", "selectbox")
FINISHED = ForwardMsg.ScriptFinishedStatus
# Streamlit calls a fragment's end early, though all of it is sent, where another fragment began before it was sent.
_FRAGMENT_ENDS = tuple(
    FINISHED.Value(name) for name in ("FINISHED_FRAGMENT_RUN_SUCCESSFULLY", "FINISHED_EARLY_FOR_RERUN")
)


@dataclass
class Heard:
    """What a session saw: seconds of whole reruns and of polls, and what went wrong."""

    reruns: list[float] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Session:
    """One tab of one person."""

    def __init__(self, connection: ClientConnection, query: str) -> None:
        self.heard = Heard()
        self.pages: dict[str, str] = {}  # address to the hash that names the page
        self.listening: asyncio.Task[None] | None = None
        self._connection = connection
        self._query = query
        self._page = ""
        self._kept: dict[str, ForwardMsg] = {}
        self._states: dict[str, WidgetState] = {}
        self._widgets: dict[str, tuple[str, object]] = {}
        self._buttons: dict[str, str] = {}
        self._finished = asyncio.Event()
        self._polling: dict[str, asyncio.Task[None]] = {}
        self._asked: dict[str, float] = {}
        self._sliders: dict[str, tuple[Slider, str]] = {}  # and the fragment that each is in
        self._marks: dict[str, str] = {}  # where a lesson goes on, and the fragment that will
        self._moved: tuple[str, asyncio.Event] | None = None  # a fragment that runs, and its end

    async def rerun(self) -> float:
        """Run the whole script once; the seconds until the server had sent all of it."""
        self._finished.clear()
        started = time.monotonic()
        await self._send(self._state())
        await self._answered(self._finished)
        self.heard.reruns.append(time.monotonic() - started)
        return self.heard.reruns[-1]

    async def go(self, page: str) -> float:
        """Go to a page by its address, such as ``frontier``; the default one is ``""``."""
        self._page, self._states = self.pages[page], {}
        return await self.rerun()

    async def choose(self, draw: random.Random) -> float:
        """Give one widget of the page another value; goes on to another page where there is none."""
        offered = list(self._widgets.items())
        if not offered:
            return await self.go(draw.choice(list(self.pages)))
        name, (kind, element) = draw.choice(offered)
        self._states[name] = _other_value(name, kind, element, draw)
        return await self.rerun()

    async def slide(self, draw: random.Random) -> float:
        """Move one slider of the page, in its fragment; the seconds until the server had sent the answer."""
        name, (slider, fragment) = draw.choice(sorted(self._sliders.items(), key=lambda each: each[0]))
        steps = round((slider.max - slider.min) / slider.step)
        state = WidgetState(id=name)
        state.double_array_value.data.append(slider.min + slider.step * draw.randint(0, steps))
        self._states[name] = state
        return await self._run(fragment)

    async def read_on(self) -> None:
        """Let a lesson be drawn to its end, stretch by stretch, as a browser that is left alone does."""
        while self._marks:
            mark, fragment = self._marks.popitem()
            name = f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{mark}{EVENT_DELIM}events"
            turn = json.dumps([{"event": "turn", "value": True}])
            self._states[name] = WidgetState(id=name, json_trigger_value=turn)
            try:
                await self._run(fragment)
            finally:
                del self._states[name]

    async def _run(self, fragment: str) -> float:
        """Run one fragment; the seconds until the server had sent all of it."""
        self._moved = fragment, asyncio.Event()
        asked = self._state()
        asked.fragment_id = fragment
        started = time.monotonic()
        await self._send(asked)
        await self._answered(self._moved[1])
        return time.monotonic() - started

    async def press(self, label: str) -> float:
        """Press the button with this label."""
        name = next(name for name, each in self._buttons.items() if each == label)
        self._states[name] = WidgetState(id=name, trigger_value=True)
        try:
            return await self.rerun()
        finally:
            del self._states[name]

    async def _answered(self, event: asyncio.Event) -> None:
        """Wait for an answer; what ends the listening instead is raised."""
        async with asyncio.timeout(PATIENCE):
            await event.wait()
        if self.listening is not None and self.listening.done():
            self.listening.result()

    async def listen(self) -> None:
        """Take what the server sends until the connection ends."""
        try:
            async for content in self._connection:
                message = ForwardMsg.FromString(content if isinstance(content, bytes) else content.encode())
                if message.WhichOneof("type") == "ref_hash":
                    message = self._kept[message.ref_hash]
                elif message.metadata.cacheable:
                    self._kept[message.hash] = message
                self._take(message)
        finally:
            for event in (self._finished, *([self._moved[1]] if self._moved else [])):
                event.set()  # nothing more will come

    def leave(self) -> None:
        """Stop polling."""
        for task in self._polling.values():
            task.cancel()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session" and not message.metadata.run.fragment_ids:
            self._page = message.new_session.page_script_hash
            self._widgets = {}
            self._buttons = {}
            self._sliders = {}
            self._marks = {}
            self.leave()
            self._polling = {}
        elif kind == "navigation":
            self.pages = {
                "" if page.is_default else page.url_pathname: page.page_script_hash
                for page in message.navigation.app_pages
            }
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            asked = message.auto_rerun
            task = asyncio.ensure_future(self._poll(asked.fragment_id, asked.interval))
            self._polling[asked.fragment_id] = task
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._draw(message)
        elif kind == "script_finished":
            self._end(message)

    def _draw(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.heard.errors.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "button":
            self._buttons[element.button.id] = element.button.label
        elif kind == "slider" and message.delta.fragment_id:
            self._sliders[element.slider.id] = element.slider, message.delta.fragment_id
        elif kind == "bidi_component" and "explorer_going_on" in element.bidi_component.component_name:
            self._marks[element.bidi_component.id] = message.delta.fragment_id
        elif kind in CHOICES:
            drawn = getattr(element, kind)
            if not drawn.disabled and "study_picker" not in drawn.id:
                self._widgets[drawn.id] = (kind, drawn)

    def _end(self, message: ForwardMsg) -> None:
        status = message.script_finished
        if status == FINISHED.Value("FINISHED_SUCCESSFULLY"):
            self._finished.set()
        elif status in _FRAGMENT_ENDS:
            for name in {*message.metadata.run.fragment_ids} & {*self._asked}:
                self.heard.polls.append(time.monotonic() - self._asked.pop(name))
            if self._moved is not None and self._moved[0] in message.metadata.run.fragment_ids:
                self._moved[1].set()
        elif status == FINISHED.Value("FINISHED_WITH_COMPILE_ERROR"):
            self.heard.errors.append("the script did not compile")

    async def _poll(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            self._asked.setdefault(fragment, time.monotonic())
            state = self._state()
            state.fragment_id, state.is_auto_rerun = fragment, True
            await self._send(state)

    def _state(self) -> ClientState:
        state = ClientState(query_string=self._query, page_script_hash=self._page)
        state.cached_message_hashes.extend(self._kept)
        state.widget_states.widgets.extend(self._states.values())
        return state

    async def _send(self, state: ClientState) -> None:
        await self._connection.send(BackMsg(rerun_script=state).SerializeToString())


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Session]:
    """A session at this address of the app, its first page drawn."""
    parts = urlsplit(url)
    address = f"ws://{parts.netloc}/_stcore/stream"
    async with connect(
        address,
        subprotocols=[Subprotocol("streamlit")],
        max_size=None,
        ping_interval=None,
    ) as connection:
        session = Session(connection, parts.query)
        listening = session.listening = asyncio.ensure_future(session.listen())
        try:
            await session.rerun()
            yield session
        finally:
            session.leave()
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening


def _other_value(name: str, kind: str, element: object, draw: random.Random) -> WidgetState:
    if kind == "checkbox":
        return WidgetState(id=name, bool_value=not element.default)  # type: ignore[attr-defined]
    options = list(element.options)  # type: ignore[attr-defined]
    if kind == "selectbox":
        return WidgetState(id=name, string_value=draw.choice(options))
    state = WidgetState(id=name)
    state.string_array_value.data.append(draw.choice(options).content)
    return state
