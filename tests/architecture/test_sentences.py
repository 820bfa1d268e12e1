"""Nothing that Streamlit runs by itself, a fragment or what a widget calls, leaves the app as a traceback."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "explorer" / "ui" / "shell" / "sentences.py"
CALLED = re.compile(r"on_(click|change|select|dismiss|submit|\w+_change)$")


def unguarded(source: str) -> Iterator[str]:
    """Fragments of Streamlit's own, and callbacks that are not made by `sentences.callback`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in ("st.fragment", "fragment"):
            yield f"{node.lineno}: {ast.unparse(node)}"
        if isinstance(node, ast.Call):
            for given in node.keywords:
                made = (
                    isinstance(given.value, ast.Call)
                    and ast.unparse(given.value.func) == "sentences.callback"
                )
                if CALLED.match(given.arg or "") and not made and not isinstance(given.value, ast.Constant):
                    yield f"{node.lineno}: {given.arg}={ast.unparse(given.value)}"


def test_fragments_and_callbacks_say_errors_in_sentences() -> None:
    """An error in either reaches no ``except`` of the page: Streamlit calls them outside it."""
    files = [*(ROOT / "explorer" / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
    found = [
        f"{path.relative_to(ROOT)}:{words}"
        for path in files
        if path != OWN
        for words in unguarded(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("@st.fragment\ndef f(): ...", True),
        ("@st.fragment(run_every=1.0)\ndef f(): ...", True),
        ("from streamlit import fragment\n@fragment\ndef f(): ...", True),
        ("@sentences.fragment()\ndef f(): ...", False),
        ("st.button('a', on_click=f)", True),
        ("component()(on_moved_change=f)", True),
        ("st.button('a', on_click=sentences.callback(f))", False),
        ("st.download_button('a', on_click='ignore')", False),
    ],
)
def test_the_rule_itself(source: str, wrong: bool) -> None:
    assert bool(list(unguarded(source))) == wrong
