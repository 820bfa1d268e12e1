"""The measured accuracy of the current plan: on its way, there, within noise, and where it could not be had."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from explorer.jobs.gauge.client import Found
from explorer.jobs.gauge.reading import Failure, Reading
from explorer.ui.plan import measured
from explorer.ui.shell import caches
from tests.ui.conftest import PROFILE, Opens, StillGauge
from tests.ui.shell.test_pages import PLAN, metrics, sound

Shows = Callable[[Found | None], tuple[AppTest, StillGauge]]
READING = Reading(128, 512, 0.31, 0.02, 0.11, 0.01, 0.9, 0.0265, -0.05, 0.015, ended=False)
pytestmark = pytest.mark.usefixtures("settled", "lived_in_home")


@pytest.fixture
def shows(opens: Opens, toml: str, monkeypatch: pytest.MonkeyPatch) -> Shows:
    def at(known: Found | None) -> tuple[AppTest, StillGauge]:
        gauge = StillGauge(known)
        monkeypatch.setattr(caches, "gauge", lambda reference: gauge)
        return sound(opens("frontier", study=toml, plan="2.2.2.2_8.8.8.8")), gauge

    return at


def test_a_plan_is_measured_from_the_moment_it_is_held(shows: Shows) -> None:
    page, gauge = shows(None)
    assert metrics(page)["Accuracy, untrained"] == "measuring …"
    assert {tuple(plan.w_bits.values()) for plan in gauge.wished} == {(2, 2, 2, 2)}


def test_an_estimate_says_its_error_its_samples_and_how_far_it_is_from_fp32(shows: Shows) -> None:
    page, _ = shows(READING)
    [shown] = [each for each in page.main.metric if each.label == "Accuracy so far"]
    assert (shown.value, shown.delta) == ("90.00 ± 2.65 %", "-5.00 ± 1.50 points")


@pytest.mark.parametrize(("change", "colour"), [(-0.05, "RED"), (-0.02, "GRAY")])
def test_what_may_be_noise_has_no_colour(shows: Shows, change: float, colour: str) -> None:
    page, _ = shows(replace(READING, change=change, samples=512, ended=True))
    shown = [each for each in page.main.metric if each.label == "Accuracy, untrained"][-1]
    assert shown.proto.MetricColor.Name(shown.proto.color) == colour


def test_a_plan_too_slow_to_measure_can_be_measured_on_all(
    shows: Shows, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(measured, "request", lambda store, spec, **_: asked.append(spec.kind))
    page, _ = shows(replace(READING, ended=True))
    [button] = [each for each in page.button if each.label == "Measure on all"]
    sound(button.click().run())
    assert asked == ["evaluate"]


def test_why_a_plan_was_not_measured_is_a_sentence(shows: Shows) -> None:
    page, _ = shows(Failure("The measuring process ended (status 9)."))
    assert any("was not measured: The measuring process ended" in each.value for each in page.caption)


def test_published_figures_have_nothing_to_measure(opens: Opens) -> None:
    page = sound(opens("frontier", study=PROFILE, plan=PLAN))
    assert "Accuracy, untrained" not in metrics(page)
