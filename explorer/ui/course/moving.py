"""The controls of an experiment as widgets, whose values stand in the address of the page."""

from collections.abc import Iterable

import streamlit as st

from explorer.course.controls import Again, Choice, Control, Slider, Switch, Value
from explorer.ui.shell import sentences
from explorer.ui.state import address

_BESIDE = 34  # characters of all options together that fit side by side


def key_of(number: int, control: Control) -> str:
    """Where the session keeps the value of a control of a lesson."""
    return f"lesson{number}_{control.name}"


def draw(number: int, controls: Iterable[Control]) -> dict[str, Value]:
    """Draw the widgets; their values by name."""
    return {control.name: _draw(number, control) for control in controls}


def _draw(number: int, control: Control) -> Value:
    key = key_of(number, control)
    help = control.help or None
    match control:
        case Slider():
            of = type(control.default)
            address.number(key, control.name, control.low, control.high, control.default)
            unit = f" ({control.unit})" if control.unit else ""
            st.slider(
                control.label + unit if control.unit not in control.label else control.label,
                of(control.low),
                of(control.high),
                step=of(control.step),
                key=key,
                help=help,
            )
        case Choice():
            address.choice(key, control.name, control.options, control.default)
            said = sum(len(control.said(option)) + 3 for option in control.options)
            if said <= _BESIDE:
                st.segmented_control(
                    control.label,
                    control.options,
                    format_func=control.said,
                    required=True,
                    key=key,
                    help=help,
                )
            else:
                st.selectbox(control.label, control.options, format_func=control.said, key=key, help=help)
        case Switch():
            address.switch(key, control.name, default=control.default)
            st.toggle(control.label, key=key, help=help)
        case Again():
            address.number(key, control.name, 0, control.most, control.default)

            def once_more() -> None:
                st.session_state[key] = (st.session_state[key] + 1) % (control.most + 1)

            st.button(
                control.label,
                key=f"{key}_again",
                icon=":material/casino:",
                on_click=sentences.callback(once_more),
                help=help,
            )
    found: Value = st.session_state[key]
    return found
