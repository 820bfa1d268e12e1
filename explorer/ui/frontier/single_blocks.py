"""Constraints on single blocks: smallest and largest width, a fixed width, ties; edited in a table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from explorer.plans import ALLOWED_BITS
from explorer.ui.shell import session
from explorer.ui.state import address

_COLUMNS = {"min": "minimum", "max": "maximum", "fixed": "keep"}
_WORDS = {"min": "≥ {} bits", "max": "≤ {} bits", "fixed": "= {} bits"}
_HEIGHT = 240
_LETTERS = "ABCDEFGH"


def edit(menu: Sequence[int]) -> None:
    """The table, one row a block."""
    st.markdown("**Single blocks**: smallest, largest or fixed width; blocks with the same letter are tied")
    widths = sorted({*menu, *(bits for bits in ALLOWED_BITS if bits >= 8)})
    column = st.column_config.SelectboxColumn
    key = f"{_key()}_{st.session_state.get(f'{_key()}_revision', 0)}"
    base = f"{key}_base"
    if key not in st.session_state:  # the editor begins anew whenever the panel is opened
        st.session_state[base] = _rows()
    changed = st.data_editor(
        st.session_state[base],
        hide_index=True,
        disabled=["block"],
        height=_HEIGHT,
        key=key,
        column_config={
            "block": st.column_config.TextColumn("block", width="small"),
            **{name: column(name, options=widths, width="small") for name in _COLUMNS},
            "tie": column("tie", options=list(_LETTERS), width="small"),
        },
    )
    if not changed.equals(_rows()):
        st.session_state[f"{_key()}_latest"] = changed
        st.rerun()  # the controls above and the picture are of the new constraints


def bind() -> None:
    """Take over the table from the address."""
    names = [block.name for block in session.blocks()]
    codec = address.Codec(_written, lambda text: _read(text, names))
    address.bind(f"{_key()}_latest", "single", codec, None)


def asked() -> dict[str, Any]:
    """What the table says, as options of a `FrontierQuestion`."""
    return read([] if _latest() is None else _rows().to_dict("records"))


def said() -> Iterator[tuple[str, Callable[[], None]]]:
    """What the table says, in words, and how each entry is taken out of it."""
    if _latest() is None:
        return
    rows = _rows()
    for name, words in _WORDS.items():
        for place, bits in enumerate(rows[name]):
            if not pd.isna(bits):
                yield f"{rows['block'][place]} {words.format(bits)}", _clearing([place], name)
    for letter in sorted({letter for letter in rows["tie"] if isinstance(letter, str)}):
        places = [place for place, each in enumerate(rows["tie"]) if isinstance(each, str) and each == letter]
        if len(places) > 1:
            yield " = ".join(str(rows["block"][place]) for place in places), _clearing(places, "tie")


def read(rows: Sequence[Mapping[Any, Any]]) -> dict[str, Any]:
    """Options that the rows of the table ask for; empty cells ask for nothing."""
    found: dict[str, Any] = {
        option: {str(row["block"]): int(row[key]) for row in rows if not pd.isna(row[key])}
        for key, option in _COLUMNS.items()
    }
    letters = sorted({row["tie"] for row in rows if isinstance(row["tie"], str)})
    tied = [tuple(str(row["block"]) for row in rows if row["tie"] == letter) for letter in letters]
    return found | {"ties": tuple(group for group in tied if len(group) > 1)}


def _clearing(places: Sequence[int], column: str) -> Callable[[], None]:
    def clear() -> None:
        rows = _rows().copy()
        rows.loc[list(places), column] = pd.NA
        st.session_state[f"{_key()}_latest"] = rows
        revision = f"{_key()}_revision"  # the editor shows what it was begun with, so it begins anew
        st.session_state[revision] = st.session_state.get(revision, 0) + 1

    return clear


def _written(rows: pd.DataFrame | None) -> str:
    """Every block that has an entry: its name, then smallest, largest and fixed width, and its letter."""
    found = []
    for row in [] if rows is None else rows.to_dict("records"):
        cells = ["" if pd.isna(row[name]) else str(row[name]) for name in (*_COLUMNS, "tie")]
        if any(cells):
            found.append(":".join([str(row["block"]), *cells]))
    return "~".join(found)


def _read(text: str, names: Sequence[str]) -> pd.DataFrame:
    rows = _empty(names)
    for part in text.split("~"):
        name, *cells = part.rsplit(":", 4)
        if name not in names or len(cells) != 4 or cells[3] not in ("", *_LETTERS):
            raise ValueError(text)
        for column, cell in zip((*_COLUMNS, "tie"), cells, strict=True):
            if cell:
                rows.loc[names.index(name), column] = cell if column == "tie" else _width(cell)
    return rows


def _width(text: str) -> int:
    if text not in map(str, ALLOWED_BITS):
        raise ValueError(text)
    return int(text)


def _key() -> str:
    return f"constraints_{session.reference()}_{session.granularity()}"


def _latest() -> pd.DataFrame | None:
    """The table as it was left; None while nothing was written into it."""
    found: pd.DataFrame | None = st.session_state.get(f"{_key()}_latest")
    return found


def _rows() -> pd.DataFrame:
    latest = _latest()
    return _empty([block.name for block in session.blocks()]) if latest is None else latest


def _empty(names: Sequence[str]) -> pd.DataFrame:
    nothing = pd.array([pd.NA] * len(names), dtype="Int64")
    ties = pd.array([pd.NA] * len(names), dtype="string")
    return pd.DataFrame({"block": names, **dict.fromkeys(_COLUMNS, nothing), "tie": ties})
