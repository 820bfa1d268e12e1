"""The start page: what it says before and after anything was computed, its ways in, the tour and the glossary."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.navigation.page import StreamlitPage
from streamlit.testing.v1 import AppTest

from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.jobs.telling import finding
from explorer.questions import TracesQuestion
from explorer.runs import Store
from explorer.studies import DEFAULT, Study
from explorer.ui.parts.terms import term
from explorer.ui.parts.vocabulary import PAPERS, TERMS
from explorer.ui.shell import caches, navigation
from explorer.ui.start import recent, tour
from tests.ui.conftest import PROFILE, Opens

ROOT = Path(__file__).resolve().parents[3]
TERM_USED = re.compile(r"""\bterm\(\s*["']([^"']+)["']""")


def texts(page: AppTest) -> str:
    return "\n".join(each.value for each in page.main.markdown)


def press(page: AppTest, key: str) -> AppTest:
    return page.button(key=key).click().run()


def test_a_stranger_is_told_what_it_is_and_nothing_is_computed_or_loaded(
    opens: Opens, app: list[str]
) -> None:
    """The first page waits for no network: neither the strip nor the accuracy is asked for."""
    page = opens("start")
    assert not page.exception
    assert [title.value for title in page.title] == [navigation.NAME]
    for named in ("engineers", "plan", "block", "Ω"):
        assert named in texts(page)
    assert not page.metric
    assert app == []


@pytest.mark.usefixtures("settled")
def test_one_click_opens_the_shipped_network_and_a_study_of_ones_own(opens: Opens, toml: str) -> None:
    page = press(opens("start", study=toml), f"open_{DEFAULT}")
    assert page.title[0].value == "Model"
    assert page.selectbox(key="study_picker").value == DEFAULT
    assert "study" not in page.query_params, "what is the default is left out"
    page = press(opens("start"), f"open_{toml}")
    assert page.title[0].value == "Model"
    assert toml in page.query_params["study"]


@pytest.mark.usefixtures("lived_in_home")
def test_traces_of_a_network_that_was_changed_since_are_no_picture_of_it(
    opens: Opens, toml: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = SimpleNamespace(store=caches.store, study=lambda name: SimpleNamespace(fingerprint="another"))
    monkeypatch.setattr(recent, "caches", changed)
    page = opens("start", study=toml)
    assert not page.exception
    assert not page.get("plotly_chart")


@pytest.mark.usefixtures("lived_in_home")
def test_what_was_computed_is_the_picture_and_can_be_gone_on_with(opens: Opens, toml: str) -> None:
    """Only runs that somebody asked for; those that were shipped are nobody's work to go on with."""
    page = opens("start", study=toml)
    assert not page.exception
    assert len(page.get("plotly_chart")) == 1
    labels = [each.label for each in page.button if (each.key or "").startswith("resume_")]
    assert 0 < len(labels) <= recent.MOST_SHOWN
    assert any(label.startswith("Training") and label.endswith("done") for label in labels), labels


def test_shipped_runs_are_not_offered_to_go_on_with(
    opens: Opens, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open()
    execute(store, spec_of(study, TracesQuestion(rel_se=0.5)))
    store.close()
    monkeypatch.setattr(finding, "SHIPPED", "")  # every remark, and none, begins like one of a shipped run
    page = opens("start")
    assert not [each for each in page.button if (each.key or "").startswith("resume_")]


@pytest.mark.usefixtures("settled")
def test_the_tour_leads_over_its_pages_and_can_be_left(opens: Opens) -> None:
    page = opens("start", study=PROFILE)
    [begin] = [each for each in page.button if each.label == "Start the tour"]
    page = begin.click().run()
    assert page.title[0].value == "Model"
    assert "**Tour 1 of 5: Model**" in texts(page)
    page = press(page, "tour_next")
    assert page.title[0].value == "Sensitivity"
    assert "**Tour 2 of 5: Sensitivity** – which blocks need bits?" in texts(page)
    page = press(page, "tour_leave")
    assert "Tour" not in texts(page)
    assert page.title[0].value == "Sensitivity"


@pytest.mark.usefixtures("settled")
def test_who_strays_from_the_tour_is_led_back(opens: Opens) -> None:
    page = opens("start")
    page.session_state["tour_step"] = 1
    page = page.run()
    assert tour.STEPS[1].look not in texts(page)
    page = press(page, "tour_back")
    assert page.title[0].value == "Sensitivity"
    assert tour.STEPS[1].look in texts(page)


def following(page: AppTest) -> list[str]:
    return [link.proto.label for link in page.get("page_link") if link.proto.label.startswith("Next: ")]


def test_published_figures_lead_to_no_page_that_needs_weights(
    opens: Opens, toml: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fine-tune, which comes after Frontier, has nothing to train here; the menu says why."""
    menus: list[dict[str, list[str]]] = []
    draw = st.navigation

    def seen(pages: dict[str, list[StreamlitPage]], **how: Any) -> StreamlitPage:
        menus.append({section: [page.title for page in listed] for section, listed in pages.items()})
        return draw(pages, **how)

    monkeypatch.setattr(st, "navigation", seen)
    plan = {"plan": "4.4.2.8_8.8.8.8"}
    assert following(opens("frontier", study=toml, **plan)) == ["Next: train the network under this plan"]
    assert navigation.WITHOUT_WEIGHTS not in menus[-1]
    assert following(opens("frontier", study=PROFILE)) == []
    assert menus[-1][navigation.WITHOUT_WEIGHTS] == [
        "Landscape",
        "Step sizes",
        "Fine-tune",
        "Results",
        "Export",
    ]
    assert "Frontier" in menus[-1][""]


def test_without_a_plan_training_is_not_what_comes_next(opens: Opens, toml: str) -> None:
    assert following(opens("frontier", study=toml)) == []


def test_the_glossary_has_every_term_once_with_its_source(opens: Opens) -> None:
    page = opens("glossary")
    assert not page.exception
    anchors = [header.anchor for header in page.header]
    assert anchors == [*TERMS, "papers"]
    for entry in TERMS.values():
        assert entry.meaning in texts(page)
        assert entry.meaning.count(". ") <= 1, f"{entry.name}: one or two sentences"
        assert entry.paper is None or entry.paper in PAPERS
    assert {entry.paper for entry in TERMS.values()} - {None} <= set(PAPERS)


def test_a_term_links_to_its_place_and_every_used_one_exists() -> None:
    assert term("mean-trace") == "[mean trace](glossary#mean-trace)"
    with pytest.raises(KeyError):
        term("no such term")
    used = {
        key
        for path in [*(ROOT / "explorer" / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py")]
        for key in TERM_USED.findall(path.read_text(encoding="utf-8"))
    }
    assert used
    assert used <= set(TERMS)


def test_how_to_write_a_study_is_the_documentation(opens: Opens) -> None:
    page = opens("own_study")
    assert not page.exception
    assert "study.toml" in texts(page)
