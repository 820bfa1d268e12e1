"""What cannot be done is a sentence where it happened, also where Streamlit draws or calls by itself."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer.errors import RunError
from explorer.runs import Store
from explorer.ui.shell import session
from tests.ui.conftest import Opens

LOCKED = "The run database cannot be used now (locked); try again."


def test_an_error_in_a_fragment_takes_its_place_and_the_next_poll_recovers(
    opens: Opens, toml: str, lived_in_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sidebar's poll meets a locked database: the page beside it stands, and nobody sees a traceback."""
    page = opens("model", study=toml)
    with monkeypatch.context() as broken:

        def live(_: Store) -> None:
            raise RunError(LOCKED)

        broken.setattr(Store, "live", live)
        page.run()
        assert not page.exception
        assert [each.value for each in page.sidebar.error] == [LOCKED]
        assert page.title[0].value
    page.run()
    assert not page.exception
    assert not page.error


def test_an_error_in_a_callback_is_said_when_the_page_is_drawn(
    opens: Opens, toml: str, lived_in_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A click whose consequence cannot be had: a sentence once, and the page as it was."""
    page = opens("sensitivity", study=toml)

    def look_at(_: str | None) -> None:
        raise RunError(LOCKED)

    monkeypatch.setattr(session, "look_at", look_at)
    picker = next(each for each in page.selectbox if each.label == "Block")
    picker.select(picker.options[0]).run()
    assert not page.exception
    assert [each.value for each in page.error] == [LOCKED]
    page.run()
    assert not page.error


def test_a_bug_is_no_sentence() -> None:
    """What nobody can mend is shown as Streamlit shows it, or it would never be found."""

    def script() -> None:
        from explorer.ui.shell import sentences

        @sentences.fragment()
        def draw() -> None:
            raise ZeroDivisionError

        draw()

    page = AppTest.from_function(script).run()
    assert len(page.exception) == 1
    assert not page.error
