"""Results, side by side: any plans and runs by an address, what a brush leaves, what is exported and reported."""

import json
from pathlib import Path

import pytest

from explorer.figures.plans.parallel import Axis, View
from explorer.plans import Plan
from explorer.runs import Store
from explorer.studies import Study
from explorer.ui.comparing import brushes
from tests.ui.conftest import Opens


def test_an_address_names_what_is_compared_and_a_brush_filters_the_table(
    opens: Opens, toml: str, study: Study, lived_in_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan that nobody saved, spelled in the address, beside a training; the best stand out beyond their errors."""
    [training] = Store.open(home=lived_in_home).list(kind="finetune")
    count = len(study.blocks())
    spelled = f"plan:{'.'.join('3' * count)}_{'.'.join('8' * count)}"
    page = opens("results", study=toml, rows=f"{spelled}~run:{training.id}")
    assert not page.exception
    chosen = page.multiselect(key=f"compare_rows_{study.name}")
    assert chosen.value == [spelled, f"run:{training.id}"]
    table = page.dataframe[-1].value
    assert list(table["kind"]) == ["plan", "training"]
    assert list(table["stands out in"])[1].startswith("size: best")
    assert list(table[f"0 + {count - 1} more"]) == [
        "W3 A8",
        "W2 A8",
    ]  # blocks that differ alike share a column

    most = float(table["size"].iloc[1]) * 1e3 + 1
    monkeypatch.setattr(brushes, "current", lambda view: {"size": [(0.0, most)]})
    page.run()
    assert list(page.dataframe[-1].value["kind"]) == ["training"]
    assert any("1 of 2 are hidden" in each.value for each in page.caption)
    page.multiselect(key=f"compare_rows_{study.name}").unselect(spelled).run()
    assert "Choose two or more" in page.info[-1].value


def test_what_the_browser_says_of_brushes_is_read_in_the_values_own_units() -> None:
    """An axis that is not there is passed over."""
    view = View(
        ("a",), (Axis("size", "size (kB)", (1.0,), 1e3), Axis("omega", "Ω", (0.1,), log=True)), "size"
    )
    said = {"size": [[1, 2], [3, 4]], "omega": [[-2, -1]], "elsewhere": [[0, 1]]}
    assert brushes.ranges(view, said) == {
        "size": [(1e3, 2e3), (3e3, 4e3)],
        "omega": [pytest.approx((0.01, 0.1))],
    }


def test_an_address_that_names_nothing_is_said(opens: Opens, toml: str, lived_in_home: Path) -> None:
    """A link of another study does not end in a traceback."""
    page = opens("results", study=toml, rows="run:nothing~plan:1.2_x")
    assert not page.exception
    assert any("rows=run" in each.value for each in page.warning)


def test_a_candidate_is_written_with_everything_that_is_known(study: Study) -> None:
    """The JSON of the table has the widths of every block."""
    from explorer.jobs.telling.candidates import of_plan

    plan = Plan.uniform(study, study.blocks(), 4, 8, name="four")
    found = of_plan(study, plan, study.blocks(), runs=Store.open(), omega=lambda plan: None)
    row = json.loads(json.dumps(found.to_json()))
    assert row["bits"] == {block.name: [4, 8] for block in study.blocks()}
    assert row["size"] == sum(block.weights for block in study.blocks()) / 2
