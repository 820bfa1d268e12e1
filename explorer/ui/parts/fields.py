"""A widget for one option of a question or a method, made of its field: type, limits, description."""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from explorer.ui.shell.plain import capital

_MOST = 2**53 - 1  # whole numbers that a browser counts exactly


def widget(
    field: FieldInfo, *, label: str, value: Any, key: str, names: Mapping[str, str] | None = None
) -> Any:
    """Draw the widget with ``value`` in it; what the person entered.

    Args:
        names: what the choices of a literal are called; themselves by default.
    """
    kind, optional = _kind(field.annotation)
    if get_origin(kind) is Literal:
        choices = list(get_args(kind))
        called = dict.fromkeys(choices) | dict(names or {})
        return st.selectbox(
            label,
            choices,
            choices.index(value),
            format_func=lambda choice: called[choice] or str(choice),
            help=_help(field),
            key=key,
        )
    if kind is bool:
        return st.checkbox(label, value, help=_help(field), key=key)
    if kind not in (int, float):
        raise TypeError(f"there is no widget for {field.annotation}")
    low, high = _limits(field, kind)
    return st.number_input(
        label,
        low,
        high,
        None if value is None else kind(value),
        step=1 if kind is int else None,
        format="%d" if kind is int else "%.6g",
        placeholder="as usual" if optional else None,
        help=_help(field),
        key=key,
    )


def _kind(annotation: Any) -> tuple[Any, bool]:
    """The type itself, and whether nothing may stand in its place."""
    members = [each for each in get_args(annotation) if each is not type(None)]
    if type(None) in get_args(annotation) and len(members) == 1:
        return members[0], True
    return annotation, False


def _limits(field: FieldInfo, kind: type) -> tuple[Any, Any]:
    """Least and greatest value; beside a limit that is itself excluded, the question says what is wrong with it."""
    found: dict[str, Any] = {}
    for limit in field.metadata:
        found |= {name: getattr(limit, name) for name in ("ge", "gt", "le", "lt") if hasattr(limit, name)}
    low, high = found.get("ge", found.get("gt")), found.get("le", found.get("lt"))
    return None if low is None else kind(low), None if high is None else kind(min(high, _MOST))


def _help(field: FieldInfo) -> str | None:
    said = field.description
    return None if said is None else f"{capital(said)}."
