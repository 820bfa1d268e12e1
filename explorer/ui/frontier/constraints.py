"""Constraints on single blocks: smallest and largest width, a fixed width, ties; edited in a table."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from explorer.plans import ALLOWED_BITS
from explorer.ui.shell import session

_COLUMNS = {"min": "minimum", "max": "maximum", "fixed": "keep"}
_HEIGHT = 300


def edit(menu: Sequence[int]) -> dict[str, Any]:
    """The table, one row a block; what it says, as options of a `FrontierQuestion`."""
    names = [block.name for block in session.blocks()]
    st.markdown("**Single blocks**: smallest, largest or fixed width; blocks with the same letter are tied")
    widths = sorted({*menu, *(bits for bits in ALLOWED_BITS if bits >= 8)})
    column = st.column_config.SelectboxColumn
    key = f"constraints_{session.reference()}_{session.granularity()}"
    base, latest = f"{key}_base", f"{key}_latest"
    if key not in st.session_state:  # the editor begins anew whenever the person comes back to the page
        st.session_state[base] = st.session_state.get(latest, _empty(names))
    changed = st.data_editor(
        st.session_state[base],
        hide_index=True,
        disabled=["block"],
        height=_HEIGHT,
        key=key,
        column_config={
            "block": st.column_config.TextColumn("block", width="medium"),
            **{key: column(key, options=widths, width="small") for key in _COLUMNS},
            "tie": column("tie", options=list("ABCDEFGH"), width="small"),
        },
    )
    st.session_state[latest] = changed
    return read(changed.to_dict("records"))


def read(rows: Sequence[Mapping[Any, Any]]) -> dict[str, Any]:
    """Options that the rows of the table ask for; empty cells ask for nothing."""
    found: dict[str, Any] = {
        option: {str(row["block"]): int(row[key]) for row in rows if not pd.isna(row[key])}
        for key, option in _COLUMNS.items()
    }
    letters = sorted({row["tie"] for row in rows if isinstance(row["tie"], str)})
    tied = [tuple(str(row["block"]) for row in rows if row["tie"] == letter) for letter in letters]
    return found | {"ties": tuple(group for group in tied if len(group) > 1)}


def _empty(names: Sequence[str]) -> pd.DataFrame:
    nothing = pd.array([pd.NA] * len(names), dtype="Int64")
    ties = pd.array([pd.NA] * len(names), dtype="string")
    return pd.DataFrame({"block": names, **dict.fromkeys(_COLUMNS, nothing), "tie": ties})
