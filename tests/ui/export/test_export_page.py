"""The Export page: a plan's files, what they are worth where they run, and what was checked."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from explorer.export.latency import EXPORTED, FLOAT, Latency
from explorer.export.record import ExportRecord, LatencyRecord
from explorer.figures.export import speed as figures
from explorer.jobs import execute, registry
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import ExportQuestion
from explorer.runs import Store
from explorer.studies import Study
from explorer.ui.export import outcome
from tests.ui.conftest import Opens

pytestmark = pytest.mark.usefixtures("settled")
PLAN = "2.2.2.2_8.8.8.8"


def test_a_plan_is_exported_and_its_files_are_those_of_the_manifest(
    opens: Opens, app: list[str], toml: str, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: a button that asks for the run. After: both accuracies, and an archive of the files with the manifest."""
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    page = opens("export", study=toml, plan=PLAN, format="packed")
    assert [each.value for each in page.header] == ["Not exported yet"]
    [button] = [each for each in page.button if each.label == "Export"]
    page = button.click().run()
    assert "export" in app
    plan = Plan.uniform(study, study.blocks(), 2, 8)
    asked = ExportQuestion(plan=plan.to_json(), format="packed")
    run = execute(Store.open(), spec_of(study, asked), study=study)
    record: ExportRecord = registry.result(run.spec.kind, run.result or {})
    assert ExportRecord.from_json(record.to_json()) == record
    page = opens("export", study=toml, plan=PLAN, format="packed")
    assert not page.exception
    shown = {metric.label: metric for metric in page.metric}
    assert {"The plan itself", "Where it runs", "Weights in the file"} <= set(shown)
    assert record.manifest["weight_bytes"] == record.manifest["promised_bytes"] == record.own.size_bytes
    with zipfile.ZipFile(
        io.BytesIO(outcome.zipped(Store.open().artifacts.get_arrays(record.artifact)))
    ) as files:
        assert set(files.namelist()) == {"model.packed.safetensors", "manifest.json"}
        assert json.loads(files.read("manifest.json")) == record.manifest


def test_without_a_plan_and_a_training_the_page_leads_to_the_frontier(
    opens: Opens, toml: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    page = opens("export", study=toml)
    assert not page.exception
    assert [each.value for each in page.info] == ["There is nothing to export yet: choose a plan first."]


def test_latencies_are_read_back_and_drawn_with_their_range() -> None:
    own, plain = Latency(EXPORTED, 1, 2.0, 1.5, 1.2, 1.8), Latency(FLOAT, 1, 3.0, 1.0, 1.0, 1.0)
    record = LatencyRecord((own, plain), "a processor", 1)
    assert LatencyRecord.from_json(json.loads(json.dumps(record.to_json()))) == record
    assert record.of(1) == own
    points = [
        figures.Timed("W4", 0.9, 0.01, 2.0, 1.5, 2.5, 1000),
        figures.Timed(FLOAT, 0.92, 0.01, 3.0, 3.0, 3.0, 4000, plain=True),
    ]
    made = figures.figure(points, batch=1)
    exported, size, *_ = made.data
    assert (exported.x, exported.error_x.array, exported.error_x.arrayminus) == ((2.0,), (0.5,), (0.5,))
    assert (size.x, size.y) == ((1.0,), (90.0,))
