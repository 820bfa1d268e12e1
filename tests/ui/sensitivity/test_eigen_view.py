"""Eigenvalues on the Sensitivity page: asked for, watched, drawn, compared with the traces."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.questions import EigenvaluesQuestion, SpectrumQuestion, TracesQuestion
from explorer.runs import Run, Store
from explorer.studies import Study
from explorer.ui.shell import caches, results
from tests.ui.conftest import PROFILE

pytestmark = pytest.mark.usefixtures("settled")


@pytest.fixture(scope="module")
def computed(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with eigenvalues, two spectra, and traces of the layers."""
    home = tmp_path_factory.mktemp("eigen")
    store = Store.open(home=home)
    execute(store, spec_of(study, EigenvaluesQuestion(samples=256)), title="Eigenvalues of learnable")
    for block, method in (("0", "auto"), ("3", "lanczos")):
        question = SpectrumQuestion(block=block, method=method, steps=6, probes=2, samples=32)
        execute(store, spec_of(study, question), title=f"Spectrum of {block}")
    execute(store, spec_of(study, TracesQuestion(rel_se=0.2)), title="Traces of learnable")
    store.close()
    return home


@pytest.fixture
def computed_home(computed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("EXPLORER_HOME", str(computed))
    caches.store.clear()
    yield
    caches.store.clear()


def script(reference: str) -> None:
    """The view alone, inside what a page has round it."""
    from explorer.ui.sensitivity import eigen_view
    from explorer.ui.shell import session

    session.choose_study(reference)
    eigen_view.show(session.study())


def opened(reference: str) -> AppTest:
    return sound(AppTest.from_function(script, kwargs={"reference": reference}, default_timeout=600).run())


def sound(page: AppTest) -> AppTest:
    assert not page.exception, [each.value for each in page.exception]
    return page


def pictures(page: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def words(page: AppTest) -> str:
    return "\n".join(each.value for each in [*page.markdown, *page.caption, *page.info, *page.warning])


def button(page: AppTest) -> Any:
    [found] = [each for each in page.button if each.label in ("Compute", "Running", "Computed")]
    return found


def test_nothing_is_there_until_it_is_asked_for(toml: str, study: Study, app: list[str]) -> None:
    page = opened(toml)
    assert "Eigenvalues are not computed yet. **Compute** takes" in words(page)
    assert pictures(page) == []
    page = sound(button(page).click().run())
    assert app.count("eigenvalues") == 1
    assert [run.id for run in Store.open().list(kind="eigenvalues")] == [
        spec_of(study, EigenvaluesQuestion(samples=256)).run_id
    ]
    assert (button(page).disabled, button(page).label) == (True, "Running")


def test_other_rows_ask_for_another_run(toml: str, study: Study, app: list[str]) -> None:
    page = opened(toml)
    page = sound(page.selectbox(key="eigen_samples").set_value(512).run())
    sound(button(page).click().run())
    assert Store.open().find(spec_of(study, EigenvaluesQuestion())) is not None, "512 is the default"


@pytest.mark.usefixtures("computed_home")
def test_eigenvalues_are_drawn_and_compared_with_the_traces(toml: str, study: Study) -> None:
    page = opened(toml)
    dots, bump = pictures(page)
    assert dots["layout"]["xaxis"]["ticktext"][-1] == "whole network"
    assert bump["layout"]["xaxis"]["ticktext"] == ["mean trace, Tr(H)/n", "λ/n"]
    assert "Spearman's ρ = " in words(page)
    assert "Mean loss over 256 training images" in words(page)
    assert (button(page).disabled, button(page).label) == (True, "Computed")
    page = sound(page.segmented_control(key="eigen_orders").set_value("Ω at 4 bits").run())
    assert pictures(page)[1]["layout"]["xaxis"]["ticktext"][1] == "λ · ‖Q(W) − W‖²"
    assert "HAWQ would fine-tune in this order" in words(page)


@pytest.mark.usefixtures("computed_home")
def test_a_block_without_curvature_is_compared_too(toml: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its squared error comes from its weights, not from its Ω divided by a trace of zero."""
    asked = results.traces

    def flat_first_block(*question: Any) -> Run | None:
        run = asked(*question)
        assert run is not None
        assert run.result is not None
        first, *rest = run.result["blocks"]
        blocks = [{**first, "trace": 0.0, "mean_trace": 0.0}, *rest]
        changed = {**run.result, "blocks": blocks}
        return replace(run, id="flat", read_result=lambda: changed)

    monkeypatch.setattr(results, "traces", flat_first_block)
    page = opened(toml)
    page = sound(page.segmented_control(key="eigen_orders").set_value("Ω at 4 bits").run())
    named = [note["text"] for note in pictures(page)[1]["layout"]["annotations"]]
    assert named.count("0") == 2, "on the left and on the right"


@pytest.mark.usefixtures("computed_home")
def test_another_number_of_rows_shows_the_nearest_result(toml: str) -> None:
    page = opened(toml)
    page = sound(page.selectbox(key="eigen_samples").set_value(64).run())
    assert len(pictures(page)) == 2
    assert not button(page).disabled


@pytest.mark.usefixtures("computed_home")
def test_a_spectrum_is_drawn_for_the_block_that_is_chosen(toml: str) -> None:
    page = opened(toml)
    page = sound(page.segmented_control(key="eigen_what").set_value("Spectral density").run())
    assert "This spectrum is not computed yet" in words(page), "of the whole network there is none"
    [choice] = [each for each in page.selectbox if each.label == "Block"]
    page = sound(choice.set_value("0").run())
    [density] = pictures(page)
    assert density["layout"]["yaxis"]["type"] == "log"
    assert "Every one is computed" in words(page)
    page = sound(choice.set_value("3").run())
    assert "Trace " in words(page)
    assert "2 random probes" in words(page)


def test_blocks_appear_as_they_are_found(toml: str, study: Study) -> None:
    store = Store.open()
    run = store.submit(spec_of(study, EigenvaluesQuestion(samples=256)), "Eigenvalues")
    lease = store.claim(run.id)
    record = {
        "block": "0", "n": 108, "values": [2.0, 1.0], "residuals": [1e-3, 1e-3], "stderrs": [0.1, 0.1],
        "held_out": [1.5, None], "held_out_stderrs": [0.1, None], "converged": [True, True], "samples": 256,
    }  # fmt: skip
    lease.append("found", record)
    lease.append("found", {**record, "values": [3.0, 1.0]})
    [dots] = pictures(opened(toml))
    assert dots["layout"]["xaxis"]["ticktext"] == ["0"], "recorded twice, drawn once"


def test_a_profile_is_told_why_not() -> None:
    page = opened(PROFILE)
    assert "no eigenvalue can be measured" in words(page)
    assert pictures(page) == []
