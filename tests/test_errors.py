"""Every message is one line of printable characters and of bounded length, whatever names are in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.errors import MOST, ExplorerError, PlanError, sentence


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [
        ("the plan a b; mend it", "the plan a b; mend it"),
        ("the plan\n a\t\tb\r\n", "the plan a b"),
        ("\x1b[1mbold\x1b[0m \x1b[38;5;1mred", "bold red"),
        (
            "a\0b\u202ec\ud800",
            "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}",
        ),
    ],
)
def test_a_message_is_one_plain_line(given_text: str, wanted: str) -> None:
    assert str(PlanError(given_text)) == wanted


def test_of_a_long_name_both_ends_are_shown() -> None:
    message = str(PlanError(f"there is no block first{'x' * 10_000}last; correct its spelling"))
    assert message.startswith("there is no block firstxxx")
    assert message.endswith("xxxlast; correct its spelling")
    assert len(message) <= MOST


@given(text=st.text(alphabet=st.characters(), max_size=2000))
def test_whatever_is_in_it(text: str) -> None:
    message = str(ExplorerError(text * 3))
    assert len(message) <= MOST
    assert message.isprintable()
    assert sentence(message) == message
    message.encode()
