"""Widgets whose value is in the address, and is kept while they are not drawn.

A page gives each widget its key by a function of this module, which says what the value is called in the address::

    st.segmented_control("Axis", ["log", "linear"], required=True,
                         key=address.choice("trace_axis", "axis", ["log", "linear"], "log"))

The widget has no default of its own: the value comes from the address when a link is opened, or when a person goes
back and forth in the browser; then from what the session kept; else it is the default. Defaults are not written, and
only what the page itself has drawn is. A name is short, and belongs to one thing on a page.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import streamlit as st

LONGEST = 2_000  # characters of a value
MOST = 60  # values that are not asked for yet
_NAME = re.compile(r"[a-z][a-z0-9_]{0,15}")
_UNREAD, _ARRIVED, _TAKEN = "address_unread", "address_arrived", "address_taken"
_BOUND, _KEPT, _REFUSED = "address_bound", "address_kept", "address_refused"
_SEPARATOR = "~"  # stands in an address as it is


@dataclass(frozen=True)
class Codec:
    """How a value is written in an address.

    Attributes:
        write: the value as text.
        read: the text as a value; a ValueError where it is none.
        fits: whether a value that was kept can still be chosen.
    """

    write: Callable[[Any], str]
    read: Callable[[str], Any]
    fits: Callable[[Any], bool] = lambda value: True


@dataclass(frozen=True)
class _Bound:
    key: str
    codec: Codec
    default: Any
    always: bool


def choice(key: str, name: str, options: Iterable[Any], default: Any, *, always: bool = False) -> str:
    """The key of a widget that chooses one of some options, or none where the default is None; ``always``: see `bind`."""
    known = {_slug(option): option for option in options}

    def read(text: str) -> Any:
        if text not in known:
            raise ValueError(text)
        return known[text]

    codec = Codec(_slug, read, lambda value: value in (*known.values(), default))
    return bind(key, name, codec, default, always=always)


def names(key: str, name: str) -> bool | None:
    """Whether an address that was opened names a value; None where the key has taken over its value already."""
    if key in _of(_TAKEN):
        return None
    if name in _of(_UNREAD):
        return True
    return False if st.session_state.get(_ARRIVED) else None


def choices(
    key: str,
    name: str,
    options: Iterable[Any],
    default: Iterable[Any] = (),
    *,
    most: int | None = None,
    always: bool = False,
) -> str:
    """The key of a widget that chooses any of some options, ``most`` at most; ``always``: see `bind`."""
    known = {_slug(option): option for option in options}

    def read(text: str) -> list[Any]:
        parts = [part for part in text.split(_SEPARATOR) if part]
        if not all(part in known for part in parts) or len(parts) > (most or len(known)):
            raise ValueError(text)
        return [known[part] for part in parts]

    def fits(value: Any) -> bool:
        return all(each in known.values() for each in value)

    codec = Codec(lambda value: _SEPARATOR.join(map(_slug, value)), read, fits)
    return bind(key, name, codec, [*default], always=always)


def switch(key: str, name: str, *, default: bool = False) -> str:
    """The key of a toggle."""

    def read(text: str) -> bool:
        if text not in ("0", "1"):
            raise ValueError(text)
        return text == "1"

    return bind(key, name, Codec(lambda value: str(int(value)), read), default)


def number(key: str, name: str, low: float, high: float, default: float | None = None) -> str:
    """The key of a field or slider for a number, of the default's type where it has one."""

    def read(text: str) -> float:
        value = type(default)(text) if default is not None else float(text)
        if not isfinite(value) or not low <= value <= high:
            raise ValueError(text)
        return value

    return bind(key, name, Codec(lambda value: f"{value:g}" if value is not None else "", read), default)


def bind(key: str, name: str, codec: Codec, default: Any, *, always: bool = False) -> str:
    """Give a key of the session's state its place in the address; the key.

    Args:
        name: what it is called in the address.
        always: the default is written too, since it is another one for whoever has computed other things.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for an address")
    state = st.session_state
    unread, taken = _of(_UNREAD), _of(_TAKEN)
    if key not in taken and (name in unread or state.get(_ARRIVED)):
        taken[key] = True
        state[key] = _read(name, unread.pop(name, None), codec, default)
    elif key not in state:
        state[key] = _of(_KEPT).get(key, default)
    if not codec.fits(state[key]):
        state[key] = default
    _of(_KEPT)[key] = state[key]
    _of(_BOUND)[name] = _Bound(key, codec, default, always)
    return key


def begin() -> None:
    """A page is about to be drawn, which says anew what is in the address."""
    st.session_state[_BOUND] = {}


def arrive(said: Mapping[str, str]) -> None:
    """What an address says from outside is to be shown; what it leaves out has its default."""
    short = {name: text for name, text in said.items() if _NAME.fullmatch(name) and len(text) <= LONGEST}
    st.session_state[_UNREAD] = dict(list(short.items())[:MOST])
    st.session_state[_TAKEN] = {}
    st.session_state[_REFUSED] = []
    st.session_state[_ARRIVED] = True


def forget_unread() -> None:
    """Another page has other names."""
    st.session_state[_UNREAD] = {}


def written() -> dict[str, str]:
    """What the widgets of this page are set to, without defaults; and what no widget has asked for yet."""
    st.session_state[_ARRIVED] = False
    found = dict(_of(_UNREAD))
    for name, bound in _of(_BOUND).items():
        value = st.session_state.get(bound.key, bound.default)
        text = bound.codec.write(value)
        usual = not bound.always and text == bound.codec.write(bound.default)
        if not usual and len(text) <= LONGEST:
            found[name] = text
        else:
            found.pop(name, None)
    return found


def refused() -> list[str]:
    """What of the address could not be shown, as ``name=text``; said once."""
    said: list[str] = st.session_state.pop(_REFUSED, [])
    return said


def _read(name: str, text: str | None, codec: Codec, default: Any) -> Any:
    if text is None:
        return default
    try:
        return codec.read(text)
    except ValueError:
        st.session_state.setdefault(_REFUSED, []).append(f"{name}={text[:40]}")
        return default


def _of(what: str) -> dict[str, Any]:
    found: dict[str, Any] = st.session_state.setdefault(what, {})
    return found


def _slug(option: Any) -> str:
    return re.sub(r"\s+", "-", str(option).strip()).lower()
