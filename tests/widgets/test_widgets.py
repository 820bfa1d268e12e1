"""A click in a notebook does what it says: it arrives here as Plotly's own message from the browser."""

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from explorer import plans, studies, widgets
from explorer.errors import LapqError, NotebookError, PlanError
from explorer.figures.plans import frontier_view
from explorer.jobs import shipped
from explorer.jobs.telling.finding import SHIPPED
from explorer.plans import Plan
from explorer.runs import Store
from explorer.studies import Study
from explorer.widgets import bars, frontier, landscape
from tests import learnable

TOUR = Path(__file__).parents[2] / "notebooks" / "00-a-tour.ipynb"


def click(figure: Any, meta: str, index: int) -> tuple[Any, Any]:
    """Send what the browser sends when a point is clicked; where it is."""
    number = [trace.meta for trace in figure.data].index(meta)
    x, y = figure.data[number].x[index], figure.data[number].y[index]
    send(figure, number, index, x, y)
    return x, y


def send(figure: Any, trace: int, index: object, x: object, y: object) -> None:
    """The message of a click."""
    points = {"trace_indexes": [trace], "point_indexes": [index], "xs": [x], "ys": [y]}
    figure._js2py_pointsCallback = {"event_type": "plotly_click", "points": points}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the runs of this module, given the results that come with the project."""
    folder = tmp_path_factory.mktemp("widgets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_HOME", str(folder / "home"))
        patch.setenv(shipped.VARIABLE, "yes")
        yield folder


@pytest.fixture(scope="module")
def tour(home: Path) -> dict[str, Any]:
    """What the tour's notebook defines, run from top to bottom."""
    notebook = nbformat.read(TOUR, as_version=4)  # type: ignore[no-untyped-call]
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are not shipped: clear them"
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, TOUR.name, "exec"), names)
    return names


@pytest.fixture(scope="module")
def own(home: Path) -> Study:
    """A depthwise-separable network of one's own, of which nothing was computed."""
    return studies.load_network(learnable.write(home / "learnable"))


@pytest.fixture(scope="module", params=["residual", "depthwise"])
def clicked(request: pytest.FixtureRequest) -> widgets.Frontier:
    """The tour's frontier, and one whose traces and products are computed for it."""
    if request.param == "residual":
        made: widgets.Frontier = request.getfixturevalue("tour")["w"]
        return made
    study: Study = request.getfixturevalue("own")
    made = widgets.Frontier(study)
    assert {run.spec.kind for run in Store.open().list(fingerprint=study.fingerprint)} == {"traces", "damage"}
    return made


def test_the_tour_shows_widgets_and_what_is_shipped(tour: dict[str, Any], home: Path) -> None:
    """A notebook can display each, and nothing that comes with the project is computed again."""
    for name in ("w", "bars", "ground", "steps"):
        assert "application/vnd.jupyter.widget-view+json" in tour[name]._repr_mimebundle_()
    runs = Store.open(home=home / "home").list(fingerprint=tour["study"].fingerprint)
    assert {"traces", "damage", "landscape"} <= {run.spec.kind for run in runs}
    assert all((run.remark or "").startswith(SHIPPED) for run in runs)


@pytest.mark.parametrize("kind", ["frontier", "set B", "uniform"])
def test_a_click_on_a_dot_takes_its_plan(clicked: widgets.Frontier, kind: str) -> None:
    """The plan is of the size and the Ω that the dot stands at, and is marked there."""
    told: list[Plan] = []
    clicked.on_change(told.append)
    _, scale = frontier_view.axis(clicked.scene)
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
    """Bars and frontier follow each other, a click changes one block; heights and title are the plan's."""
    shown = widgets.PlanBars(clicked.study, Plan.uniform(clicked.study, clicked.blocks, 8, 8))
    clicked.on_change(shown.take)
    shown.on_change(clicked.take)
    click(clicked.figure, "frontier", 2)
    assert clicked.plan is not None
    before = shown.plan
    assert before == clicked.plan
    block = len(clicked.blocks) - 1
    name = clicked.blocks[block].name
    width = next(bits for bits in shown.menu if bits != before.w_bits[name])
    where = click(shown.figure, bars.TARGETS, block * len(shown.menu) + shown.menu.index(width))
    assert where == (name, width)
    assert shown.plan == clicked.plan == before.with_bits(name, w_bits=width)
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
    with pytest.raises(PlanError):
        clicked.take(foreign)
    with pytest.raises(PlanError, match="nothing"):
        widgets.Frontier(profile, bits=(4, 8), keep={"nothing": 5})
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(NotebookError, match=r"anywidget.*pip install"):
        widgets.PlanBars(profile, foreign)


def test_a_walk_ends_at_what_was_measured(own: Study) -> None:
    """A click and a slider lead to the same point: its loss, and the quadratic's, are the slice's there."""
    block = own.blocks()[0].name
    ground = widgets.Landscape(own, block, points=5, samples=64)
    steps = ground.slice.coordinates
    told: list[landscape.Place] = []
    ground.on_change(told.append)
    send(ground.figure, 0, [3, 1], steps[1], steps[3])
    assert ground.here == told[-1]
    assert ground.here.at == (steps[1], steps[3])
    assert ground.here.loss == ground.slice.loss[1, 3] != ground.slice.loss[3, 1]
    assert ground.here.predicted == ground.slice.predicted[1, 3]
    assert [slider.value for slider in ground.sliders] == [1, 3]
    ground.sliders[0].value = 4
    assert ground.here.loss == ground.slice.loss[4, 3]
    assert len(told) == 2
    [mark] = ground.figure.select_traces({"meta": landscape.WALKER})
    assert (mark.x[0], mark.y[0]) == (steps[4], steps[3])
    again = widgets.Landscape(own, block, points=5, samples=64)
    assert again.slice.seconds == ground.slice.seconds, "what was measured is read back"
    with pytest.raises(NotebookError, match="dims=2"):
        widgets.Landscape(own, block, dims=1)


def test_a_step_moves_the_grid_and_the_loss_answers(own: Study) -> None:
    """Levels stand at multiples of the step; another tensor keeps its own, and picking one changes nothing."""
    shown = widgets.Steps(own, w_bits=2, a_bits=8, images=64)
    names = list(shown.start)
    weight = next(name for name in names if name.endswith(".weight"))
    shown.tensor.value = weight
    told: list[object] = []
    shown.on_change(told.append)
    shown.slider.value = 2.5
    assert shown.step == pytest.approx(2.5 * shown.start[weight])
    levels = sorted({x for x in shown.figure.data[1].x if x is not None})
    assert levels == pytest.approx([shown.step * level for level in (-2, -1, 0, 1)])
    expected = shown.trial.measure({**shown.start, weight: shown.step})
    assert shown.here.loss == expected.loss != shown.began.loss
    assert f"{shown.here.loss:.4f}" in shown.figure.layout.title.text
    shown.tensor.value = next(name for name in names if name != weight)
    assert shown.slider.value == 1.0
    shown.tensor.value = weight
    assert shown.slider.value == 2.5
    assert told == [shown.here]
    with pytest.raises(LapqError, match="nothing"):
        widgets.Steps(own, "nothing", images=64)
