"""Every figure can be taken away, and what is taken away is whole."""

import io
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from explorer import plans
from explorer.curvature import Traces
from explorer.figures.curvature import sensitivity
from explorer.figures.curvature.sensitivity import Dot
from explorer.figures.plans.plan import BlockBar
from explorer.studies import Study
from explorer.ui.parts import export, tables
from explorer.ui.shell import results, session
from tests.ui.conftest import PAGES, PROFILE, Opens
from tests.ui.shell.test_pages import PLAN, pictures, sound


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in ("landscape", "runs", "export")]
)  # nothing is measured, compared or exported there yet
@pytest.mark.usefixtures("lived_in_home")
def test_every_figure_has_its_export_with_its_numbers(opens: Opens, toml: str, page: str) -> None:
    shown = sound(opens(page, study=toml, plan=PLAN, block="3"))
    assert pictures(shown) >= 1
    labels = [button.label for button in shown.download_button]
    assert labels.count("HTML") == pictures(shown)
    assert labels.count("CSV") >= pictures(shown)


def test_published_figures_can_be_taken_away_too(opens: Opens) -> None:
    for page in ("model", "sensitivity", "frontier"):
        shown = sound(opens(page, study=PROFILE))
        assert [button.label for button in shown.download_button][-2:] == ["HTML", "CSV"]


def test_a_page_of_its_own_holds_the_library_and_asks_for_nothing_else() -> None:
    figure = sensitivity.figure([Dot("first <conv>", 2.0, 0.1, 100)])
    made = export.page(figure, "a <b>").decode()
    assert "<title>a &lt;b&gt;</title>" in made
    assert len(made) > 3_000_000, "the library is inside"
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)\s*=\s*[\"']?https?:", made)
    assert "Plotly.newPlot" in made


def test_csv_keeps_numbers_in_full() -> None:
    table = pd.DataFrame({"block": ["ä", "b"], "mean_trace": [1 / 3, 1e-12]})
    for given in (table, lambda: table):
        back = pd.read_csv(io.BytesIO(export.csv(given)))
        pd.testing.assert_frame_equal(back, table, check_exact=True)


@pytest.mark.parametrize(
    ("study", "name", "file"),
    [
        ("fashion-resnet20", "traces", "fashion-resnet20-traces"),
        ("my study/../x", "convergence-weights-layer1.0.conv1", "my-study-..-x-convergence-weights-layer1.0.conv1"),
    ],
)  # fmt: skip
def test_files_are_named_after_study_and_figure(
    monkeypatch: pytest.MonkeyPatch, study: str, name: str, file: str
) -> None:
    monkeypatch.setattr(session, "study", lambda: SimpleNamespace(name=study))
    assert export.file_name(name) == file
    assert export.config(name)["toImageButtonOptions"]["filename"] == file


@pytest.mark.usefixtures("lived_in_home")
def test_the_frontiers_table_has_every_plan_in_full(study: Study) -> None:
    run = results.traces(study, "layer")
    assert run is not None
    assert run.result is not None
    problem = plans.study_problem(study, Traces.from_json(run.result), bits=(2, 4, 8))
    frontier = plans.solve(problem)
    table = tables.of_frontier(frontier)
    assert list(table.columns) == ["size (bytes)", "omega", "omega_stderr", *frontier.blocks]
    assert len(table) == len(frontier)
    last = table.iloc[-1]
    assert {name: int(last[name]) for name in frontier.blocks} == frontier.point(len(frontier) - 1).bits
    assert np.allclose(table["omega"], frontier.omega)


def test_plans_and_curves_as_rows() -> None:
    plan = tables.of_plan([BlockBar("a", 2, 8, 27.0)])
    assert plan.to_dict("records") == [{"block": "a", "w_bits": 2, "a_bits": 8, "bytes": 27.0}]
    curves = tables.of_curves({"train": [{"epoch": 0.5, "loss": 2.0}], "test": [{"epoch": 1.0, "loss": 1.0}]})
    assert curves["curve"].tolist() == ["train", "test"]
    assert curves["epoch"].tolist() == [0.5, 1.0]
