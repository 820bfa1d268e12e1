"""A click in a notebook does what it says: it arrives here as Plotly's own message from the browser."""

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer import plans, studies, widgets
from explorer.errors import NotebookError, PlanError
from explorer.figures.plans import frontier as picture
from explorer.jobs import shipped
from explorer.plans import Plan
from explorer.runs import Store
from explorer.widgets import bars, frontier
from tests import learnable


def click(figure: Any, meta: str, index: int) -> tuple[float, float]:
    """Send what the browser sends when a point is clicked; where it is."""
    number = [trace.meta for trace in figure.data].index(meta)
    x, y = figure.data[number].x[index], figure.data[number].y[index]
    points = {"trace_indexes": [number], "point_indexes": [index], "xs": [x], "ys": [y]}
    figure._js2py_pointsCallback = {"event_type": "plotly_click", "points": points}
    return x, y


@pytest.fixture(scope="module", params=["residual", "depthwise"])
def clicked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[widgets.Frontier]:
    """A frontier of a network with shipped results, and one of a study of one's own with none."""
    folder = tmp_path_factory.mktemp("widgets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_HOME", str(folder / "home"))
        own = request.param == "depthwise"
        patch.setenv(shipped.VARIABLE, "no" if own else "yes")
        study = studies.load(learnable.write(folder / "learnable") if own else "fashion-thin")
        made = widgets.Frontier(study)
        kinds = {run.spec.kind for run in Store.open().list(fingerprint=study.fingerprint)}
        assert {"traces", "damage"} <= kinds, "what was computed is kept, and what is shipped is there"
        yield made


@pytest.mark.parametrize("kind", ["frontier", "set B", "uniform"])
def test_a_click_on_a_dot_takes_its_plan(clicked: widgets.Frontier, kind: str) -> None:
    """The plan is of the size and the Ω that the dot stands at, and is marked there."""
    told: list[Plan] = []
    clicked.on_change(told.append)
    _, scale = picture.axis(clicked.scene)
    taken: list[Plan] = []
    for index in (1, 3):
        cost, omega = click(clicked.figure, kind, index)
        assert clicked.plan is not None
        size = plans.size_bits(clicked.blocks, clicked.plan.w_bits) / 8
        assert size / scale == pytest.approx(cost, rel=1e-6)
        assert clicked.scene.place(clicked.plan)[1] == pytest.approx(omega, rel=1e-6)
        [mark] = clicked.figure.select_traces({"meta": frontier.CURRENT})
        assert (mark.x[0], mark.y[0]) == pytest.approx((cost, omega), rel=1e-6)
        assert f"{math.ceil(size):,} bytes, Ω = " in clicked.figure.layout.title.text
        taken.append(clicked.plan)
    assert told == taken
    assert taken[0] != taken[1]


def test_a_click_at_a_height_sets_the_bits_of_one_block(clicked: widgets.Frontier) -> None:
    """Bars follow the frontier, and change one block; their heights and the title are the plan's."""
    shown = widgets.PlanBars(clicked.study, Plan.uniform(clicked.study, clicked.blocks, 8, 8))
    clicked.on_change(shown.take)
    click(clicked.figure, "frontier", 2)
    assert clicked.plan is not None
    before = shown.plan
    assert before == clicked.plan
    block = len(clicked.blocks) - 1
    name = clicked.blocks[block].name
    width = next(bits for bits in shown.menu if bits != before.w_bits[name])
    where = click(shown.figure, bars.TARGETS, block * len(shown.menu) + shown.menu.index(width))
    assert where == (name, width)
    assert shown.plan == before.with_bits(name, w_bits=width)
    [drawn] = shown.figure.select_traces({"meta": "bits"})
    assert dict(zip(drawn.x, drawn.y, strict=True)) == shown.plan.w_bits
    assert f"{plans.size_bytes(clicked.blocks, shown.plan.w_bits):,} bytes" in shown.figure.layout.title.text


def test_what_cannot_be_shown_is_said(
    clicked: widgets.Frontier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = studies.load("hawq-v3-resnet18")
    foreign = Plan.uniform(profile, profile.blocks(), 8, 8)
    with pytest.raises(PlanError, match="hawq-v3-resnet18"):
        widgets.PlanBars(clicked.study, foreign)
    with pytest.raises(PlanError, match="nothing"):
        widgets.Frontier(profile, bits=(4, 8), keep={"nothing": 5})
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(NotebookError, match=r"anywidget.*pip install"):
        widgets.PlanBars(profile, foreign)
