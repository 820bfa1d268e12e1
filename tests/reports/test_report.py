"""A report says what the store knows and no more, escapes what it is told, and can be computed again."""

import json
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from explorer import studies
from explorer.cli import main
from explorer.cli.asking import Asked
from explorer.errors import ExportError, RunError
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import (
    DamageQuestion,
    EvaluateQuestion,
    FinetuneQuestion,
    LandscapeQuestion,
    LapqQuestion,
    Question,
    TracesQuestion,
)
from explorer.questions.base import Quantizer
from explorer.reports import printing, report
from explorer.reports.commands import command, identity
from explorer.reports.material import gather
from explorer.reports.page import Picture, Section, Table, Words
from explorer.reports.sections import outcomes, short
from explorer.runs import Store
from explorer.studies import Study
from tests import learnable

HOSTILE = "</script><img src=x onerror=alert(1)>{{7*7}}"


class Read(HTMLParser):
    """Headings, figures and elements of a report."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: dict[str, int] = {}
        self.loaded: list[str] = []
        self.headings: list[str] = []
        self.figures: list[dict[str, object]] = []
        self.text = ""
        self._within: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] = self.elements.get(tag, 0) + 1
        given = {name: value or "" for name, value in attrs}
        self.loaded += [value for name, value in given.items() if name in ("src", "href", "action", "data")]
        if tag not in ("meta", "br", "img", "link"):
            self._within.append((tag, given.get("class", "")))

    def handle_endtag(self, tag: str) -> None:
        self._within.pop()

    def handle_data(self, data: str) -> None:
        tag, kind = self._within[-1] if self._within else ("", "")
        if tag == "h2":
            self.headings.append(data)
        elif (tag, kind) == ("script", "figure"):
            self.figures.append(json.loads(data))
        elif tag not in ("script", "style"):
            self.text += data


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Store, Plan]:
    """A small study of one's own with everything but steps and slices computed, and its trained plan."""
    folder = tmp_path_factory.mktemp("report")
    study = studies.load_network(learnable.write(folder / "learnable"))
    store = Store.open(home=folder / "home")
    plan = Plan.uniform(study, study.blocks(), 2, 8, name=HOSTILE)
    for question in (
        EvaluateQuestion(),
        EvaluateQuestion(plan=plan.to_json()),
        EvaluateQuestion(plan=plan.to_json(), deployed=True),
        TracesQuestion(rel_se=0.2),
        DamageQuestion(),
        FinetuneQuestion(plan=plan.to_json(), epochs=1),
    ):
        execute(store, spec_of(study, question))
    return study, store, plan


def test_what_is_known_is_told_with_its_error_and_what_is_not_is_said_to_be_absent(
    known: tuple[Study, Store, Plan],
) -> None:
    """Nothing is invented: no chapter without a run, and the numbers are those of the runs."""
    study, store, plan = known
    read = Read(report(study, store, plans=[(plan, study.blocks())]))
    assert "How sensitive each block is" in read.headings
    assert "Training under quantization" in read.headings
    assert not {"Step sizes", "The loss landscape", "Exported networks"} & set(read.headings)
    for absent in ("Step sizes by LAPQ", "The loss landscape", "An exported network"):
        assert absent in read.text
    for question in (EvaluateQuestion(), EvaluateQuestion(plan=plan.to_json(), deployed=True)):
        run = store.find(spec_of(study, question))
        assert run is not None
        assert run.result is not None
        accuracy, error = run.result["accuracy"], run.result["accuracy_stderr"]
        assert f"{accuracy * 100:.2f} ± {error * 100:.2f} %" in read.text
    [training] = store.list(kind="finetune")
    assert training.id in read.text
    assert study.fingerprint in read.text
    bars = [trace for each in read.figures for trace in each["data"] if "error_y" in trace]  # type: ignore[attr-defined]
    assert bars, "estimates are drawn without their errors"


def test_a_hostile_name_is_text(known: tuple[Study, Store, Plan]) -> None:
    """A name closes no element, starts none, is no template; nothing is loaded from anywhere."""
    study, store, plan = known
    named = replace(study, name=HOSTILE, card=replace(study.card, title=HOSTILE, summary=HOSTILE))
    read = Read(report(named, store, plans=[(replace(plan, study=HOSTILE), study.blocks())]))
    assert "img" not in read.elements
    assert HOSTILE in read.text
    assert all(each.startswith("#") for each in read.loaded)
    assert read.figures
    trained = Plan.uniform(study, study.blocks(), 4, 8)
    plain = Read(report(study, store, plans=[(trained, study.blocks())]))
    assert read.elements["script"] - len(read.figures) == plain.elements["script"] - len(plain.figures)


def test_several_plans_are_a_comparison(known: tuple[Study, Store, Plan]) -> None:
    """Plans without training and trainings of them stand in one table, what stands out marked, and in one picture."""
    study, store, plan = known
    wide = Plan.uniform(study, study.blocks(), 8, 8, name="wide")
    of = gather(study, store, plans=[(plan, study.blocks()), (wide, study.blocks())])
    told = outcomes.section(of)
    assert isinstance(told, Section)
    table = [part for part in told.parts if isinstance(part, Table)][1]
    assert {row[0]: row[-1] for row in table.rows}["wide"] == "Ω: best"
    assert [row[1] for row in table.rows] == ["plan", "plan", "training"]
    lines = [part.figure.to_dict()["data"][0] for part in told.parts if isinstance(part, Picture)][-1]
    assert lines["type"] == "parcoords"
    assert [each["label"] for each in lines["dimensions"]][:2] == ["0 + 3 more", "size (kB)"]
    summary = short.section(of)
    assert isinstance(summary, Section)
    assert Words("The least predicted damage: wide.") in summary.parts


PLAN = {"version": 1, "study": "learnable", "blocks": {"0": {"w_bits": 4, "a_bits": 8}}}


@pytest.mark.parametrize(
    "question",
    [
        TracesQuestion(of="activations", granularity="module", rel_se=0.2, jointly=False, seed=3),
        DamageQuestion(bits=(2, 4), quantizer=Quantizer(step="min-max")),
        LandscapeQuestion(block="a block's; rm -rf ~", directions="quantization", bits=(4, 3), dims=2),
        LapqQuestion(method="gradient", w_bits=3),
    ],
)
def test_a_command_asks_the_same_question(question: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a report tells to type is read by the command line as the question that was asked."""
    asked: list[Question] = []

    def run(self: Asked[Question], title: str) -> None:
        asked.append(self.question)
        raise RunError("enough")

    monkeypatch.setattr(Asked, "run", run)
    monkeypatch.setattr("explorer.landscape.target.blocks_with", lambda study, block: ())
    typed = command(question, "fashion-thin")
    assert typed is not None
    assert main(shlex.split(typed)[3:]) == 2
    assert asked == [question]


def test_a_command_names_the_file_of_its_plan() -> None:
    """A plan is named by what it holds, and what no command can hold has none."""
    asked = EvaluateQuestion(plan={**PLAN, "name": "mine"}, deployed=True)
    files = {identity(PLAN): "plan-2.json"}
    assert command(asked, "my study", files) == (
        "python -m explorer evaluate --study 'my study' --plan plan-2.json --deployed"
    )
    assert command(asked, "my study") is None


def test_what_cannot_be_reported_is_refused_in_a_sentence(
    known: tuple[Study, Store, Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of another study, an export of other weights, a machine without Chromium."""
    study, store, _ = known
    other = replace(study, name="other", weights_sha256="0" * 64)
    with pytest.raises(RunError, match="of another study than other"):
        gather(other, store, runs=[store.list(kind="finetune")[0].id])
    (tmp_path / "manifest.json").write_text(json.dumps({"study": {"name": "x"}, "files": {}}))
    with pytest.raises(ExportError, match="other weights"):
        gather(study, store, exported=[tmp_path])
    monkeypatch.setattr(printing, "browser", lambda: None)
    with pytest.raises(RunError, match="no Chromium is installed"):
        printing.pdf("<html>", tmp_path / "report.pdf")
    assert not (tmp_path / "report.pdf").exists()


def test_a_profile_has_a_report_of_its_published_figures(explorer_home: Path, tmp_path: Path) -> None:
    """A study without a network is told of too, by the command."""
    out = tmp_path / "report.html"
    assert main(["report", "--study", "hawq-v3-resnet18", "--out", str(out)]) == 0
    read = Read(out.read_text(encoding="utf-8"))
    assert len(read.figures) == 2
    assert "Training under quantization" not in read.headings
