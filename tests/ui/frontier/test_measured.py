"""Measured accuracy along the frontier: asked for, told while it comes, drawn, and what it says of every plan."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.jobs import execute
from explorer.proxy import MeasuredFrontier
from explorer.proxy.along import SERIES
from explorer.runs import Run, Store
from explorer.studies import Study
from tests.ui.conftest import PROFILE, Opens
from tests.ui.frontier.test_frontier_page import press
from tests.ui.shell.test_pages import PLAN, sound

pytestmark = pytest.mark.usefixtures("settled", "lived_in_home")
BUTTON = "Measure along the frontier"
KIND = "measure_frontier"


def buttons(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def measured(page: AppTest) -> dict[str, Any] | None:
    """The trace of measured plans on the chart."""
    for chart in page.get("plotly_chart"):
        for trace in json.loads(chart.proto.spec)["data"]:
            if trace.get("meta") == "measured":
                return dict(trace)
    return None


def card(page: AppTest) -> dict[str, Any]:
    """What the browser is given to say of each plan."""
    for each in page.get("bidi_component"):
        data = json.loads(each.proto.json or each.proto.mixed.json or "null")
        if isinstance(data, dict) and data.get("chart") == "frontier_chart" and "held" in data:
            return dict(data)
    raise AssertionError("no handle")


def said(page: AppTest, words: str) -> str:
    [found] = [each.value for each in page.caption if words in each.value]
    return str(found)


def asked(opens: Opens, toml: str) -> Run:
    press(opens("frontier", study=toml), BUTTON)
    [run] = [run for run in Store.open().list() if run.spec.kind == KIND]
    return run


def test_published_figures_have_nothing_to_measure(opens: Opens) -> None:
    assert BUTTON not in buttons(opens("frontier", study=PROFILE))


def test_what_was_measured_is_drawn_said_and_taken_off(
    opens: Opens, app: list[str], toml: str, study: Study
) -> None:
    run = asked(opens, toml)
    assert app == [KIND]
    shown = sound(opens("frontier", study=toml))
    assert BUTTON not in buttons(shown), "it is at work"
    done = execute(Store.open(), run.spec, study=study)
    result = MeasuredFrontier.from_json(done.result or {})
    shown = sound(opens("frontier", study=toml, plan=PLAN))
    trace = measured(shown)
    assert trace is not None
    assert len(trace["customdata"]) == len(result.plans) == 16
    words = said(shown, "measured without training")
    assert words.startswith("16 plans measured without training on 210 test images.")
    assert "within noise" in words
    assert re.search(
        r"By its Ω the current plan has about [\d.]+ ± [\d.]+ % \(from 16 measured plans\)", words
    )
    curve = card(shown)["curve"]
    assert curve["plans"] == 16
    assert curve["at"] == sorted(curve["at"])
    assert curve["value"] == sorted(curve["value"], reverse=True)
    assert min(curve["band"]) > 0
    [switch] = [each for each in shown.toggle if each.label == "Measured accuracy"]
    shown = sound(switch.set_value(False).run())
    assert measured(shown) is None
    assert shown.query_params["measured"] in ("0", ["0"])
    assert card(shown)["curve"] == curve, "what is said of a plan does not depend on what is drawn"
    shown = sound(opens("frontier", study=toml, measured="0"))
    assert measured(shown) is None, "a link keeps it"


def test_a_stopped_measurement_leaves_what_it_measured(
    opens: Opens, toml: str, study: Study, tmp_path: Path
) -> None:
    """FP32 and four plans of sixteen: told while it works, drawn once it was stopped; too few for a curve."""
    run = asked(opens, toml)
    elsewhere = Store.open(home=tmp_path / "elsewhere")
    points = elsewhere.points(execute(elsewhere, run.spec, study=study).id, SERIES)[:5]
    store = Store.open()
    lease = store.claim(run.id)
    for point in points:
        lease.append(SERIES, point)
    shown = sound(opens("frontier", study=toml, plan=PLAN))
    assert said(shown, "plans measured so far").startswith("4 plans measured so far, the last of them at ")
    assert measured(shown) is None, "the picture keeps its zoom while plans come in"
    lease.stopped()
    shown = sound(opens("frontier", study=toml, plan=PLAN))
    trace = measured(shown)
    assert trace is not None
    assert len(trace["customdata"]) == 4
    assert "Continue" in buttons(shown)
    assert card(shown)["curve"] is None


def test_a_redraw_reads_the_store_no_more_than_before(
    opens: Opens, toml: str, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asked(opens, toml)
    execute(Store.open(), run.spec, study=study)
    shown = sound(opens("frontier", study=toml, plan=PLAN))
    read: list[str] = []
    for name in ("list", "find", "get", "points"):
        original = getattr(Store, name)

        def call(*args: Any, _name: str = name, _original: Any = original, **options: Any) -> Any:
            read.append(_name)
            return _original(*args, **options)

        monkeypatch.setattr(Store, name, call)
    sound(shown.run())
    assert len(read) == 1
