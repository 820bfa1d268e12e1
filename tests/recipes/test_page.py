"""CONTRIBUTING's recipe for a page, followed in a copy: it is in the menu and opens."""

import json
from pathlib import Path

import pytest

from tests import learnable
from tests.recipes.copying import copy, insert, run

pytestmark = [pytest.mark.slow, pytest.mark.soak]

FIGURE = '''"""Weights of every block as bars."""

from collections.abc import Sequence

import plotly.graph_objects as go

from explorer.blocks import Block


def view(blocks: Sequence[Block]) -> dict[str, int]:
    """Block to number of weights."""
    return {block.name: block.weights for block in blocks}


def figure(bars: dict[str, int]) -> go.Figure:
    """Bars, one a block."""
    return go.Figure(go.Bar(x=list(bars), y=list(bars.values())))
'''

WIDGETS = '''"""The Weights page."""

import streamlit as st

from explorer.figures import weights
from explorer.ui.shell import session


def show() -> None:
    """The picture."""
    st.plotly_chart(weights.figure(weights.view(session.blocks())), key="weights")
'''

PAGE = '''"""Weights: how many each block has."""

import streamlit as st

from explorer.ui.shell import frame, navigation
from explorer.ui.weights import widgets

navigation.in_frame()
st.title("Weights")
widgets.show()
frame.next_step("frontier", "choose a plan on the frontier")
'''

USE = """
import json, sys
from pathlib import Path
from streamlit.testing.v1 import AppTest

shown = AppTest.from_file(str(Path("app.py").resolve()), default_timeout=240)
shown.query_params["study"] = sys.argv[1]
shown.switch_page("pages/weights.py")
shown.run()
wrong = [each.message for each in shown.exception] + [each.value for each in shown.error]
print(json.dumps([[title.value for title in shown.title], wrong, len(shown.get("plotly_chart"))]))
"""


@pytest.mark.timeout(600)
def test_a_page_by_the_recipe(tmp_path: Path) -> None:
    folder = copy(tmp_path / "copy")
    (folder / "explorer" / "figures" / "weights.py").write_text(FIGURE)
    widgets = folder / "explorer" / "ui" / "weights"
    widgets.mkdir()
    (widgets / "__init__.py").write_text("")
    (widgets / "widgets.py").write_text(WIDGETS)
    (folder / "pages" / "weights.py").write_text(PAGE)
    navigation = folder / "explorer" / "ui" / "shell" / "navigation.py"
    insert(navigation, 'Entry("glossary"', 'Entry("weights", "Weights", "bar_chart"),\n    ')
    study = str(learnable.write(tmp_path / "learnable").resolve())
    titles, wrong, charts = json.loads(run(folder, USE, tmp_path / "home", study))
    assert not wrong
    assert "Weights" in titles
    assert charts >= 1
